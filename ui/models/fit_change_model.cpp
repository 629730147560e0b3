#include "ui/models/fit_change_model.h"

#include "ui/document/layer_title.h"
#include "ui/models/layer_table_model.h"

#include <algorithm>

namespace bitlathe::ui {

namespace {

QString bytesText(std::int64_t before, std::int64_t after) {
    return before == after ? groupedNumber(after)
                           : QStringLiteral("%1 → %2").arg(groupedNumber(before), groupedNumber(after));
}

}  // namespace

void FitChangeModel::setChanges(std::vector<FitChange> changes) {
    const bool isSameList =
        changes.size() == m_changes.size() &&
        std::equal(changes.begin(), changes.end(), m_changes.begin(),
                   [](const FitChange& a, const FitChange& b) { return a.layer == b.layer; });
    if (!isSameList) {
        beginResetModel();  // another model: nothing of the old rows is left
        m_changes = std::move(changes);
        endResetModel();
        return;
    }
    m_changes = std::move(changes);
    if (!m_changes.empty()) {
        Q_EMIT dataChanged(index(0, 0), index(rowCount() - 1, kColumnCount - 1));
    }
}

int FitChangeModel::changedCount() const {
    return static_cast<int>(std::count_if(m_changes.begin(), m_changes.end(),
                                          [](const FitChange& change) { return change.isChanged; }));
}

int FitChangeModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(m_changes.size());
}

int FitChangeModel::columnCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : kColumnCount;
}

QVariant FitChangeModel::bitsOf(const FitChange& change, int column) const {
    const bool isWeight = column == WeightBefore || column == WeightAfter;
    if (isWeight && !change.hasWeights) {
        return {};
    }
    const std::optional<core::BitWidth>& bits = column == WeightBefore   ? change.weightBefore
                                                : column == WeightAfter  ? change.weightAfter
                                                : column == OutputBefore ? change.outputBefore
                                                                         : change.outputAfter;
    return bits ? bits->bits() : 0;
}

QVariant FitChangeModel::data(const QModelIndex& index, int role) const {
    if (!checkIndex(index, CheckIndexOption::IndexIsValid)) {
        return {};
    }
    const FitChange& change = m_changes[static_cast<std::size_t>(index.row())];
    const bool isBits = index.column() >= WeightBefore && index.column() <= OutputAfter;
    switch (role) {
    case Qt::DisplayRole:
        switch (index.column()) {
        case Name:
            return change.layer == core::kInputLayer ? tr("input") : layerTitle(change.layer);
        case Rom:
            return bytesText(change.romBefore, change.romAfter);
        case Ram:
            return bytesText(change.ramBefore, change.ramAfter);
        default: {
            const QVariant bits = bitsOf(change, index.column());
            return !bits.isValid() ? QStringLiteral("–")
                   : bits == 0     ? tr("float")
                                   : QVariant(QString::number(bits.toInt()));
        }
        }
    case LayerTableModel::BitsRole:
        return isBits ? bitsOf(change, index.column()) : QVariant();
    case LayerTableModel::AttentionRole:
        return false;
    case Qt::TextAlignmentRole:
        return QVariant::fromValue<int>(
            Qt::AlignVCenter |
            (index.column() == Rom || index.column() == Ram ? Qt::AlignRight : Qt::AlignLeft));
    case Qt::ToolTipRole:
        return QString::fromStdString(change.layer.str());
    case LayerRole:
        return QString::fromStdString(change.layer.str());
    case ChangedRole:
        return change.isChanged;
    default:
        return {};
    }
}

QVariant FitChangeModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal) {
        return {};
    }
    if (role == Qt::TextAlignmentRole) {
        return QVariant::fromValue<int>(Qt::AlignVCenter |
                                        (section == Rom || section == Ram ? Qt::AlignRight : Qt::AlignLeft));
    }
    if (role != Qt::DisplayRole) {
        return {};
    }
    switch (section) {
    case Name:
        return tr("Layer");
    case WeightBefore:
        return tr("W now");
    case WeightAfter:
        return tr("W then");
    case OutputBefore:
        return tr("A now");
    case OutputAfter:
        return tr("A then");
    case Rom:
        return tr("ROM B");
    case Ram:
        return tr("RAM B");
    default:
        return {};
    }
}

}  // namespace bitlathe::ui
