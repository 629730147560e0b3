#include "ui/models/log_model.h"

#include "ui/settings/theme.h"

#include <algorithm>
#include <iterator>

namespace bitlathe::ui {

int LogModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(m_lines.size());
}

int LogModel::columnCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : kColumnCount;
}

QVariant LogModel::data(const QModelIndex& index, int role) const {
    if (!checkIndex(index, CheckIndexOption::IndexIsValid)) {
        return {};
    }
    const LogLine& line = lineAt(index.row());
    switch (role) {
    case Qt::DisplayRole:
        switch (index.column()) {
        case Time:
            return line.time.toLocalTime().toString(QStringLiteral("HH:mm:ss.zzz"));
        case Level:
            return levelName(line.level);
        default:
            return line.text;
        }
    case Qt::ToolTipRole:
        return index.column() == Text ? line.text : line.time.toLocalTime().toString(Qt::ISODateWithMs);
    case Qt::ForegroundRole:
        if (line.level == LogLevel::Debug || index.column() == Time) {
            return currentTheme().mutedText;
        }
        return line.level == LogLevel::Info ? QVariant() : QVariant(currentTheme().attention);
    case LevelRole:
        return static_cast<int>(line.level);
    default:
        return {};
    }
}

QVariant LogModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal || role != Qt::DisplayRole) {
        return {};
    }
    switch (section) {
    case Time:
        return tr("Time");
    case Level:
        return tr("Level");
    case Text:
        return tr("Message");
    default:
        return {};
    }
}

void LogModel::append(std::vector<LogLine> lines) {
    if (lines.size() > static_cast<std::size_t>(kMaxLines)) {
        lines.erase(lines.begin(), lines.end() - kMaxLines);
    }
    if (lines.empty()) {
        return;
    }
    const int added = static_cast<int>(lines.size());
    if (const int excess = rowCount() + added - kMaxLines; excess > 0) {
        beginRemoveRows({}, 0, excess - 1);
        m_lines.erase(m_lines.begin(), m_lines.begin() + excess);
        endRemoveRows();
    }
    beginInsertRows({}, rowCount(), rowCount() + added - 1);
    std::move(lines.begin(), lines.end(), std::back_inserter(m_lines));
    endInsertRows();
}

void LogModel::clear() {
    if (m_lines.empty()) {
        return;
    }
    beginRemoveRows({}, 0, rowCount() - 1);
    m_lines.clear();
    endRemoveRows();
}

QString LogModel::levelName(LogLevel level) {
    switch (level) {
    case LogLevel::Debug:
        return tr("debug");
    case LogLevel::Info:
        return tr("info");
    case LogLevel::Warning:
        return tr("warning");
    case LogLevel::Error:
        return tr("error");
    }
    return {};
}

QString LogModel::plainText(const LogLine& line) {
    return line.time.toLocalTime().toString(QStringLiteral("HH:mm:ss.zzz")) + QLatin1Char(' ') +
           levelName(line.level) + QLatin1Char(' ') + line.text;
}

}  // namespace bitlathe::ui
