#pragma once

#include <string>

#include <QAbstractTableModel>
#include <QDateTime>
#include <QString>

#include <deque>
#include <vector>

namespace bitlathe::ui {

enum class LogLevel { Debug, Info, Warning, Error };

struct LogLine {
    QDateTime time;
    LogLevel level = LogLevel::Info;
    QString text;  ///< one line; further lines of a message follow as lines of their own
};

/// The newest lines of the program's log. Bounded: the oldest leave when `kMaxLines` are held. GUI thread.
class LogModel final : public QAbstractTableModel {
    Q_OBJECT

public:
    static constexpr int kMaxLines = 10'000;
    enum Column { Time, Level, Text, kColumnCount };
    enum Role { LevelRole = Qt::UserRole + 1 };  ///< int of LogLevel

    using QAbstractTableModel::QAbstractTableModel;

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

    /// Appends in order. More than kMaxLines at once keep only the last.
    void append(std::vector<LogLine> lines);
    void clear();
    const LogLine& lineAt(int row) const { return m_lines[static_cast<std::size_t>(row)]; }

    /// "info", "warning", ...
    static QString levelName(LogLevel level);
    /// "12:03:04.512 warning text"
    static QString plainText(const LogLine& line);

private:
    std::deque<LogLine> m_lines;
};

}  // namespace bitlathe::ui
