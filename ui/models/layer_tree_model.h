#pragma once

#include <string>

#include "ui/document/quant_document.h"

#include <QAbstractItemModel>

#include <vector>

namespace bitlathe::ui {

/// The model as a column of nodes: input, blocks (layers that share a name's first part, in one run), single
/// layers, output. Blocks have their layers as children.
class LayerTreeModel final : public QAbstractItemModel {
    Q_OBJECT

public:
    enum class NodeKind { Input, Block, Layer, Output };
    enum Role {
        NodeKindRole = Qt::UserRole + 1,  ///< NodeKind as int
        LayerRole,                        ///< QString path; of a block: its first layer
        LayersRole,                       ///< QStringList: the layer's path, or those of a block's layers
        BitsRole,  ///< int: the fewest weight bits (output bits where there are no weights), 0 float, invalid
                   ///< none
    };

    explicit LayerTreeModel(QuantDocument& document, QObject* parent = nullptr);

    QModelIndex index(int row, int column, const QModelIndex& parent = {}) const override;
    QModelIndex parent(const QModelIndex& index) const override;
    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;

    /// The row of a layer (a block's child where it is in one); invalid for none.
    QModelIndex indexOf(const core::LayerId& layer) const;

private:
    struct Node {
        NodeKind kind = NodeKind::Layer;
        QString title;
        std::vector<int> layers;  ///< indices into the model's layers
    };

    void reload();
    void updateLayer(const core::LayerId& layer);
    const core::Layer& layer(int index) const {
        return m_document.model()->layers[static_cast<std::size_t>(index)];
    }
    QVariant bitsOf(const std::vector<int>& layers) const;

    QuantDocument& m_document;
    std::vector<Node> m_nodes;  ///< top rows
};

}  // namespace bitlathe::ui
