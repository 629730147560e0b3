#include "ui/models/layer_tree_model.h"

#include "ui/document/config_edits.h"
#include "ui/document/layer_title.h"

#include <algorithm>

namespace bitlathe::ui {

namespace {

// internalId: 0 for top rows, row of the block + 1 for its children.
constexpr quintptr kTop = 0;

}  // namespace

LayerTreeModel::LayerTreeModel(QuantDocument& document, QObject* parent)
    : QAbstractItemModel(parent), m_document(document) {
    connect(&document, &QuantDocument::modelChanged, this, &LayerTreeModel::reload);
    connect(&document, &QuantDocument::layerConfigChanged, this, &LayerTreeModel::updateLayer);
    reload();
}

QModelIndex LayerTreeModel::index(int row, int column, const QModelIndex& parent) const {
    if (!hasIndex(row, column, parent)) {
        return {};
    }
    return createIndex(row, column, parent.isValid() ? static_cast<quintptr>(parent.row()) + 1 : kTop);
}

QModelIndex LayerTreeModel::parent(const QModelIndex& index) const {
    if (!index.isValid() || index.internalId() == kTop) {
        return {};
    }
    return createIndex(static_cast<int>(index.internalId()) - 1, 0, kTop);
}

int LayerTreeModel::rowCount(const QModelIndex& parent) const {
    if (!parent.isValid()) {
        return static_cast<int>(m_nodes.size());
    }
    const bool isBlock = parent.internalId() == kTop &&
                         m_nodes[static_cast<std::size_t>(parent.row())].kind == NodeKind::Block;
    return isBlock ? static_cast<int>(m_nodes[static_cast<std::size_t>(parent.row())].layers.size()) : 0;
}

int LayerTreeModel::columnCount(const QModelIndex&) const {
    return 1;
}

QVariant LayerTreeModel::bitsOf(const std::vector<int>& layers) const {
    QVariant fewest;
    for (const int index : layers) {
        const core::LayerId& id = layer(index).id;
        const core::SiteKind kind =
            layer(index).hasWeights() ? core::SiteKind::Weight : core::SiteKind::Output;
        if (!canQuantize(m_document, id, kind)) {
            continue;
        }
        const core::SiteQuant quant = m_document.config().site({id, kind});
        const int bits = quant.bits ? quant.bits->bits() : 0;
        const bool isFewer =
            !fewest.isValid() || (bits != 0 && (fewest.toInt() == 0 || bits < fewest.toInt()));
        if (isFewer) {
            fewest = bits;
        }
    }
    return fewest;
}

QVariant LayerTreeModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid()) {
        return {};
    }
    const bool isTop = index.internalId() == kTop;
    const Node& top = m_nodes[isTop ? static_cast<std::size_t>(index.row()) : index.internalId() - 1];
    const NodeKind kind = isTop ? top.kind : NodeKind::Layer;
    const std::vector<int> layers =
        isTop ? top.layers : std::vector<int>{top.layers[static_cast<std::size_t>(index.row())]};
    switch (role) {
    case Qt::DisplayRole:
    case Qt::AccessibleTextRole:
        return isTop ? top.title : layerTitleParts(layer(layers.front()).id).back();
    case NodeKindRole:
        return static_cast<int>(kind);
    case LayerRole:
        return QString::fromStdString(kind == NodeKind::Input ? core::kInputLayer.str()
                                      : layers.empty()        ? std::string()
                                                              : layer(layers.front()).id.str());
    case LayersRole: {
        QStringList paths;
        if (kind == NodeKind::Input) {
            paths << QString::fromStdString(core::kInputLayer.str());
        }
        for (const int each : layers) {
            paths << QString::fromStdString(layer(each).id.str());
        }
        return paths;
    }
    case BitsRole: {
        if (kind == NodeKind::Input) {
            const core::SiteQuant quant = m_document.config().input;
            return quant.bits ? quant.bits->bits() : 0;
        }
        return bitsOf(layers);
    }
    case Qt::ToolTipRole: {
        if (layers.empty()) {
            return top.title;
        }
        if (kind == NodeKind::Block) {
            return tr("%1: %2 layers").arg(top.title).arg(layers.size());
        }
        const core::Layer& only = layer(layers.front());
        return tr("%1\n%2, output %3")
            .arg(QString::fromStdString(only.id.str()), QString::fromStdString(only.operation),
                 QString::fromStdString(core::shapeText(only.outputShape)));
    }
    default:
        return {};
    }
}

QModelIndex LayerTreeModel::indexOf(const core::LayerId& id) const {
    for (std::size_t row = 0; row < m_nodes.size(); ++row) {
        const Node& node = m_nodes[row];
        const QModelIndex top = index(static_cast<int>(row), 0);
        if (node.kind == NodeKind::Input && id == core::kInputLayer) {
            return top;
        }
        for (std::size_t child = 0; child < node.layers.size(); ++child) {
            if (layer(node.layers[child]).id == id) {
                return node.kind == NodeKind::Block ? index(static_cast<int>(child), 0, top) : top;
            }
        }
    }
    return {};
}

void LayerTreeModel::reload() {
    beginResetModel();
    m_nodes.clear();
    if (m_document.hasModel()) {
        const core::PreparedModel& model = *m_document.model();
        const core::Shape& shape = model.graph.inputShape();
        m_nodes.push_back(
            {NodeKind::Input,
             tr("input %1").arg(QString::fromStdString(core::shapeText({shape.begin() + 1, shape.end()}))),
             {}});
        for (const core::Layer& each : model.layers) {
            const QStringList parts = layerTitleParts(each.id);
            const bool isInBlock = parts.size() > 1;
            const QString title =
                isInBlock ? parts.mid(0, parts.size() - 1).join(QStringLiteral(" · ")) : parts.front();
            if (isInBlock && m_nodes.back().kind == NodeKind::Block && m_nodes.back().title == title) {
                m_nodes.back().layers.push_back(each.index);
            } else {
                m_nodes.push_back({isInBlock ? NodeKind::Block : NodeKind::Layer, title, {each.index}});
            }
        }
        for (Node& node : m_nodes) {
            if (node.kind == NodeKind::Block && node.layers.size() == 1) {
                node.kind = NodeKind::Layer;
                node.title = layerTitle(layer(node.layers.front()).id);
            }
        }
        const core::Layer& last = model.layers.back();
        m_nodes.push_back({NodeKind::Output,
                           tr("output %1")
                               .arg(QString::fromStdString(
                                   core::shapeText({last.outputShape.begin() + 1, last.outputShape.end()}))),
                           {}});
    }
    endResetModel();
}

void LayerTreeModel::updateLayer(const core::LayerId& id) {
    const QModelIndex changed = indexOf(id);
    if (changed.isValid()) {
        Q_EMIT dataChanged(changed, changed);
        if (changed.parent().isValid()) {
            Q_EMIT dataChanged(changed.parent(), changed.parent());
        }
    }
}

}  // namespace bitlathe::ui
