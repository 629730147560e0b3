#include "ui/models/layer_table_model.h"

#include "ui/document/config_edits.h"
#include "ui/document/layer_title.h"
#include "ui/models/scheme_choices.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace bitlathe::ui {

namespace {

/// Layers marked for attention: enough to point at, few enough to mean something.
constexpr std::size_t kAttentionLayers = 3;
/// Above this an output carries less error than 8-bit rounding of a full-scale sine (6.02 * 8 + 1.76 dB), so
/// even the worst layer is nothing to look at.
constexpr double kHarmlessSqnrDb = 50.0;

QString sqnrText(const SiteState& state) {
    if (state.isPending) {
        return QStringLiteral("…");
    }
    if (!state.error) {
        return QStringLiteral("–");
    }
    return std::isfinite(state.error->sqnrDb) ? QString::number(state.error->sqnrDb, 'f', 1)
                                              : QStringLiteral("∞");
}

}  // namespace

LayerTableModel::LayerTableModel(QuantDocument& document, Selection& selection, QObject* parent)
    : QAbstractTableModel(parent), m_document(document), m_selection(selection) {
    connect(&document, &QuantDocument::modelChanged, this, &LayerTableModel::reload);
    connect(&document, &QuantDocument::layerConfigChanged, this, &LayerTableModel::updateRow);
    connect(&document, &QuantDocument::budgetChanged, this, [this] {
        updateAttention();
        if (!m_rows.empty()) {
            // The budget of a layer depends on the bits of its neighbours.
            Q_EMIT dataChanged(index(0, Rom), index(rowCount() - 1, Ram));
        }
    });
    connect(&document, &QuantDocument::statisticsChanged, this, [this] {
        updateAttention();
        if (!m_rows.empty()) {
            Q_EMIT dataChanged(index(0, 0), index(rowCount() - 1, kColumnCount - 1));
        }
    });
    reload();
}

int LayerTableModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(m_rows.size());
}

int LayerTableModel::columnCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : kColumnCount;
}

core::LayerId LayerTableModel::layerAt(int row) const {
    return row >= 0 && row < rowCount() ? m_rows[static_cast<std::size_t>(row)] : core::LayerId();
}

int LayerTableModel::rowOf(const core::LayerId& layer) const {
    const auto found = std::find(m_rows.begin(), m_rows.end(), layer);
    return found == m_rows.end() ? -1 : static_cast<int>(found - m_rows.begin());
}

const core::Layer* LayerTableModel::layerOfRow(int row) const {
    return row == 0 ? nullptr : &m_document.model()->layers[static_cast<std::size_t>(row - 1)];
}

QVariant LayerTableModel::bits(int row, core::SiteKind kind) const {
    const core::LayerId id = layerAt(row);
    if (!canQuantize(m_document, id, kind)) {
        return {};
    }
    const core::SiteQuant quant = m_document.config().site({id, kind});
    return quant.bits ? quant.bits->bits() : 0;
}

QString LayerTableModel::displayText(int row, int column) const {
    const core::LayerId id = layerAt(row);
    const core::Layer* const layer = layerOfRow(row);
    const auto nothing = QStringLiteral("–");
    const auto bitsText = [&](core::SiteKind kind) {
        const QVariant value = bits(row, kind);
        return !value.isValid() ? QString() : value.toInt() == 0 ? QStringLiteral("F") : value.toString();
    };
    switch (column) {
    case Number:
        return layer ? QString::number(layer->index) : QStringLiteral("in");
    case Name:
        return layer ? layerTitle(id) : tr("input");
    case Kind:
        return layer ? QString::fromStdString(layer->operation)
                     : QString::fromStdString(
                           core::shapeText({m_document.model()->graph.inputShape().begin() + 1,
                                            m_document.model()->graph.inputShape().end()}));
    case Params:
        return layer && layer->hasWeights() ? groupedNumber(layer->weightCount) : nothing;
    case WeightBits:
        return bitsText(core::SiteKind::Weight);
    case ActivationBits:
        return bitsText(core::SiteKind::Output);
    case WeightScheme: {
        const QVariant value = bits(row, core::SiteKind::Weight);
        return !value.isValid() || value.toInt() == 0
                   ? nothing
                   : schemeText(m_document.config().site({id, core::SiteKind::Weight}));
    }
    case RangeMethod: {
        const QVariant value = bits(row, core::SiteKind::Output);
        return !value.isValid() || value.toInt() == 0 ? nothing
               : m_document.siteState({id, core::SiteKind::Output}).isLearned
                   ? tr("learned")
                   : rangeText(m_document.config().site({id, core::SiteKind::Output}));
    }
    case WeightSqnr:
        return sqnrText(m_document.siteState({id, core::SiteKind::Weight}));
    case OutputSqnr:
        return sqnrText(m_document.siteState({id, core::SiteKind::Output}));
    case Rom:
    case Ram: {
        if (!layer || static_cast<std::size_t>(layer->index) >= m_document.budget().layers.size()) {
            return nothing;
        }
        const core::LayerBudget& budget = m_document.budget().layers[static_cast<std::size_t>(layer->index)];
        return groupedNumber(column == Rom ? budget.romBytes() : budget.ramBytes());
    }
    default:
        return {};
    }
}

QVariant LayerTableModel::sortValue(int row, int column) const {
    const core::LayerId id = layerAt(row);
    const core::Layer* const layer = layerOfRow(row);
    const auto sqnr = [&](core::SiteKind kind) -> QVariant {
        const SiteState& state = m_document.siteState({id, kind});
        return state.error ? state.error->sqnrDb : std::numeric_limits<double>::infinity();
    };
    // Float sorts as 32 bits, "nothing to quantize" behind everything.
    const auto bitsOrder = [&](core::SiteKind kind) {
        const QVariant value = bits(row, kind);
        return !value.isValid() ? 99 : value.toInt() == 0 ? 32 : value.toInt();
    };
    switch (column) {
    case Number:
        return row;
    case Params:
        return static_cast<qlonglong>(layer ? layer->weightCount : 0);
    case WeightBits:
        return bitsOrder(core::SiteKind::Weight);
    case ActivationBits:
        return bitsOrder(core::SiteKind::Output);
    case WeightSqnr:
        return sqnr(core::SiteKind::Weight);
    case OutputSqnr:
        return sqnr(core::SiteKind::Output);
    case Rom:
    case Ram: {
        if (!layer || static_cast<std::size_t>(layer->index) >= m_document.budget().layers.size()) {
            return -1;
        }
        const core::LayerBudget& budget = m_document.budget().layers[static_cast<std::size_t>(layer->index)];
        return static_cast<qlonglong>(column == Rom ? budget.romBytes() : budget.ramBytes());
    }
    default:
        return displayText(row, column);
    }
}

QStringList LayerTableModel::choices(int, int column) const {
    switch (column) {
    case WeightBits:
    case ActivationBits:
        return bitsTexts();
    case RangeMethod:
        return observerTexts();
    case WeightScheme: {
        QStringList texts;
        for (const SchemeChoice& choice : schemeChoices()) {
            texts << choice.text;
        }
        return texts;
    }
    default:
        return {};
    }
}

QVariant LayerTableModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid() || index.row() >= rowCount()) {
        return {};
    }
    const int row = index.row();
    const int column = index.column();
    switch (role) {
    case Qt::DisplayRole:
        return displayText(row, column);
    case Qt::EditRole: {
        const QString text = displayText(row, column);
        return text == QLatin1String("F") ? QStringLiteral("float") : text;
    }
    case Qt::TextAlignmentRole: {
        const bool isFigure = column == Params || column >= WeightSqnr;
        return QVariant(Qt::AlignVCenter | (isFigure ? Qt::AlignRight : Qt::AlignLeft));
    }
    case Qt::ToolTipRole: {
        const core::LayerId id = layerAt(row);
        if (column == WeightScheme) {
            const core::SiteQuant quant = m_document.config().site({id, core::SiteKind::Weight});
            if (!quant.isFloat()) {
                return longSchemeText(quant);
            }
        }
        if (column == RangeMethod && m_document.siteState({id, core::SiteKind::Output}).isLearned) {
            return tr("The range this model was trained with. Other bits or another method replace it.");
        }
        if (column == WeightSqnr || column == OutputSqnr) {
            const SiteState& state = m_document.siteState(
                {id, column == WeightSqnr ? core::SiteKind::Weight : core::SiteKind::Output});
            if (!state.problem.isEmpty()) {
                return state.problem;
            }
            if (data(index, AttentionRole).toBool()) {
                return tr("One of the %1 layers whose output loses most.")
                    .arg(static_cast<int>(kAttentionLayers));
            }
        }
        return QString::fromStdString(id.str());
    }
    case LayerRole:
        return QString::fromStdString(layerAt(row).str());
    case SortRole:
        return sortValue(row, column);
    case BitsRole:
        return column == WeightBits       ? bits(row, core::SiteKind::Weight)
               : column == ActivationBits ? bits(row, core::SiteKind::Output)
                                          : QVariant();
    case AttentionRole:
        return column == OutputSqnr && m_attention.contains(layerAt(row));
    case ChoicesRole:
        return choices(row, column);
    case Qt::AccessibleTextRole:
        return headerData(column, Qt::Horizontal, Qt::DisplayRole).toString() + QLatin1Char(' ') +
               data(index, Qt::EditRole).toString();
    default:
        return {};
    }
}

QVariant LayerTableModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal || section < 0 || section >= kColumnCount) {
        return {};
    }
    if (role == Qt::TextAlignmentRole) {
        const bool isFigure = section == Params || section >= WeightSqnr;
        return QVariant(Qt::AlignVCenter | (isFigure ? Qt::AlignRight : Qt::AlignLeft));
    }
    static const char* const kTitles[] = {QT_TR_NOOP("#"),      QT_TR_NOOP("Layer"),  QT_TR_NOOP("Kind"),
                                          QT_TR_NOOP("Params"), QT_TR_NOOP("W bits"), QT_TR_NOOP("W scheme"),
                                          QT_TR_NOOP("A bits"), QT_TR_NOOP("Range"),  QT_TR_NOOP("SQNR W"),
                                          QT_TR_NOOP("SQNR A"), QT_TR_NOOP("ROM B"),  QT_TR_NOOP("RAM B")};
    static const char* const kHints[] = {
        QT_TR_NOOP("Position in execution order"),
        QT_TR_NOOP("Layer, named after its module path"),
        QT_TR_NOOP("Operation"),
        QT_TR_NOOP("Weights of the layer, bias not counted"),
        QT_TR_NOOP("Bits of the weights: keys 2 to 8, F for float"),
        QT_TR_NOOP("Quantizer of the weights and how many scales it gets"),
        QT_TR_NOOP("Bits of the output: Shift with 2 to 8 or F"),
        QT_TR_NOOP("Where the output's range comes from"),
        QT_TR_NOOP("Signal to quantization noise of the weights, dB"),
        QT_TR_NOOP(
            "Signal to quantization noise of the output on the calibration data, this layer alone, dB"),
        QT_TR_NOOP("Packed weights, bias and requantization parameters, bytes"),
        QT_TR_NOOP("Input, output and other tensors alive while the layer runs, bytes"),
    };
    if (role == Qt::DisplayRole) {
        return tr(kTitles[section]);
    }
    return role == Qt::ToolTipRole ? QVariant(tr(kHints[section])) : QVariant();
}

Qt::ItemFlags LayerTableModel::flags(const QModelIndex& index) const {
    if (!index.isValid()) {
        return Qt::NoItemFlags;
    }
    Qt::ItemFlags flags = Qt::ItemIsEnabled | Qt::ItemIsSelectable | Qt::ItemNeverHasChildren;
    const core::LayerId id = layerAt(index.row());
    const bool isWeightCell = index.column() == WeightBits || index.column() == WeightScheme;
    const bool isOutputCell = index.column() == ActivationBits || index.column() == RangeMethod;
    if ((isWeightCell && canQuantize(m_document, id, core::SiteKind::Weight)) ||
        (isOutputCell && canQuantize(m_document, id, core::SiteKind::Output))) {
        flags |= Qt::ItemIsEditable;
    }
    return flags;
}

bool LayerTableModel::setData(const QModelIndex& index, const QVariant& value, int role) {
    if (role != Qt::EditRole || !flags(index).testFlag(Qt::ItemIsEditable)) {
        return false;
    }
    const core::LayerId edited = layerAt(index.row());
    const std::vector<core::LayerId> layers =
        m_selection.contains(edited) ? m_selection.layers() : std::vector<core::LayerId>{edited};
    const int chosen = static_cast<int>(choices(index.row(), index.column()).indexOf(value.toString()));
    QString refusal;
    switch (index.column()) {
    case WeightBits:
    case ActivationBits: {
        const std::optional<int> width = bitsFromText(value.toString());
        if (!width) {
            refusal = tr("'%1' is no bit width; use 1 to 16 or float").arg(value.toString());
            break;
        }
        refusal = setBits(m_document, layers,
                          index.column() == WeightBits ? core::SiteKind::Weight : core::SiteKind::Output,
                          *width == 0 ? std::nullopt : width);
        break;
    }
    case WeightScheme: {
        if (chosen < 0) {
            return false;
        }
        const SchemeChoice choice = schemeChoices()[static_cast<std::size_t>(chosen)];
        refusal =
            setQuantizer(m_document, layers, core::SiteKind::Weight, choice.quantizer, choice.granularity);
        break;
    }
    case RangeMethod: {
        if (chosen < 0) {
            return false;
        }
        refusal = setObserver(m_document, layers, core::SiteKind::Output,
                              {observerNames()[static_cast<std::size_t>(chosen)], {}});
        break;
    }
    default:
        return false;
    }
    if (!refusal.isEmpty()) {
        Q_EMIT editRefused(refusal);
        return false;
    }
    return true;
}

void LayerTableModel::reload() {
    beginResetModel();
    m_rows.clear();
    if (m_document.hasModel()) {
        m_rows.push_back(core::kInputLayer);
        for (const core::Layer& layer : m_document.model()->layers) {
            m_rows.push_back(layer.id);
        }
    }
    m_attention.clear();
    endResetModel();
    updateAttention();
}

void LayerTableModel::updateRow(const core::LayerId& layer) {
    const int row = rowOf(layer);
    if (row >= 0) {
        Q_EMIT dataChanged(index(row, 0), index(row, kColumnCount - 1));
    }
}

void LayerTableModel::updateAttention() {
    std::set<core::LayerId> worst;
    for (const core::LayerId& id : m_document.layersByError()) {
        if (worst.size() == kAttentionLayers ||
            m_document.siteState({id, core::SiteKind::Output}).error->sqnrDb >= kHarmlessSqnrDb) {
            break;
        }
        worst.insert(id);
    }
    std::swap(worst, m_attention);
    for (const core::LayerId& id : worst) {
        if (!m_attention.contains(id)) {
            updateRow(id);
        }
    }
    for (const core::LayerId& id : m_attention) {
        if (!worst.contains(id)) {
            updateRow(id);
        }
    }
}

}  // namespace bitlathe::ui
