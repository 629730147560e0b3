#include "ui/models/compare_model.h"

#include "plots/compare_bars_plot.h"
#include "plots/plot_theme.h"
#include "ui/settings/theme.h"

#include <QIcon>
#include <QPainter>
#include <QPixmap>

#include <limits>

namespace bitlathe::ui {

namespace {

/// Letter and colour of a run are the same in the tables and in the chart.
QString letterOf(std::size_t run) {
    return plots::CompareBarsPlot::letter(static_cast<int>(run));
}

QColor colorOf(std::size_t run) {
    using plots::PlotTheme;
    return PlotTheme::category(static_cast<int>(run),
                               currentTheme().isDark ? PlotTheme::Scheme::Dark : PlotTheme::Scheme::Light);
}

QIcon colorChip(const QColor& color) {
    QPixmap chip(20, 20);
    chip.fill(Qt::transparent);
    QPainter painter(&chip);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(Qt::NoPen);
    painter.setBrush(color);
    painter.drawRoundedRect(QRectF(3, 3, 14, 14), 4, 4);
    return chip;
}

}  // namespace

void CompareModel::setRows(std::vector<CompareRow> rows, std::vector<QString> names) {
    beginResetModel();
    m_rows = std::move(rows);
    m_names = std::move(names);
    endResetModel();
}

int CompareModel::valueColumn(std::size_t run) const {
    return run == 0 ? static_cast<int>(kFixedColumnCount) : kFixedColumnCount + 2 * static_cast<int>(run) - 1;
}

int CompareModel::changeColumn(std::size_t run) const {
    return valueColumn(run) + 1;
}

CompareModel::Place CompareModel::placeOf(int column) const {
    const int offset = column - kFixedColumnCount;
    return offset == 0 ? Place{0, false} : Place{static_cast<std::size_t>((offset + 1) / 2), offset % 2 == 0};
}

int CompareModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(m_rows.size());
}

int CompareModel::columnCount(const QModelIndex& parent) const {
    if (parent.isValid()) {
        return 0;
    }
    const int runs = static_cast<int>(m_names.size());
    return kFixedColumnCount + (runs == 0 ? 0 : 2 * runs - 1);
}

QVariant CompareModel::data(const QModelIndex& index, int role) const {
    if (!checkIndex(index, CheckIndexOption::IndexIsValid)) {
        return {};
    }
    const CompareRow& row = m_rows[static_cast<std::size_t>(index.row())];
    if (role == DiffersRole) {
        return row.differs();
    }
    if (role == ChangeRole) {
        return row.figure == Figure::Decibel ? row.largestChange() : std::numeric_limits<double>::infinity();
    }
    if (index.column() == Layer || index.column() == Property) {
        return role == Qt::DisplayRole ? (index.column() == Layer ? row.layer : row.property) : QVariant();
    }
    const Place place = placeOf(index.column());
    if (place.isChange) {
        return changeData(row, place.run, role);
    }
    const CompareCell& cell = row.cells[place.run];
    switch (role) {
    case Qt::DisplayRole:
        return cell.text;
    case Qt::ToolTipRole:
        return cell.toolTip.isEmpty() ? cell.text : cell.toolTip;
    case Qt::ForegroundRole:
        return row.differs() ? QVariant() : QVariant(currentTheme().mutedText);
    default:
        return {};
    }
}

QVariant CompareModel::changeData(const CompareRow& row, std::size_t run, int role) const {
    const Change change = changeOf(row, run);
    switch (role) {
    case Qt::DisplayRole:
        return change.text;
    case Qt::ToolTipRole:
        return change.toolTip;
    case Qt::ForegroundRole:
        return change.isBetter  ? QVariant(currentTheme().good)
               : change.isWorse ? QVariant(currentTheme().attention)
                                : QVariant();
    default:
        return {};
    }
}

QVariant CompareModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal || section < 0 || section >= columnCount()) {
        return {};
    }
    if (role == Qt::TextAlignmentRole) {
        return QVariant::fromValue<int>(Qt::AlignVCenter | Qt::AlignLeft);
    }
    if (section == Layer || section == Property) {
        return role == Qt::DisplayRole ? QVariant(section == Layer ? tr("Layer") : tr("What")) : QVariant();
    }
    const Place place = placeOf(section);
    switch (role) {
    case Qt::DisplayRole:
        return place.isChange      ? tr("%1 − A").arg(letterOf(place.run))
               : m_hasShortHeaders ? letterOf(place.run)
                                   : tr("%1 · %2").arg(letterOf(place.run), m_names[place.run]);
    case Qt::ToolTipRole:
        return place.isChange
                   ? tr("Difference of “%1” to the baseline “%2”").arg(m_names[place.run], m_names.front())
                   : m_names[place.run];
    case Qt::DecorationRole:
        return place.isChange ? QVariant() : QVariant(colorChip(colorOf(place.run)));
    default:
        return {};
    }
}

void CompareFilterModel::setDifferencesOnly(bool isOn) {
    m_isDifferencesOnly = isOn;
    invalidateRowsFilter();
}

void CompareFilterModel::setThresholdDb(double threshold) {
    m_thresholdDb = threshold;
    invalidateRowsFilter();
}

bool CompareFilterModel::filterAcceptsRow(int row, const QModelIndex& parent) const {
    const QModelIndex index = sourceModel()->index(row, 0, parent);
    const bool differs = index.data(CompareModel::DiffersRole).toBool();
    if (!differs) {
        return !m_isDifferencesOnly;
    }
    return index.data(CompareModel::ChangeRole).toDouble() >= m_thresholdDb;
}

}  // namespace bitlathe::ui
