#pragma once

#include <string>

#include "ui/document/quant_document.h"
#include "ui/document/selection.h"

#include <QAbstractTableModel>

#include <set>

namespace bitlathe::ui {

/// The layers of the document as rows: the graph input first, then execution order. Holds no truth of its
/// own.
///
/// Editing a cell edits the same field of every selected layer when the edited row is one of them: one undo
/// step.
class LayerTableModel final : public QAbstractTableModel {
    Q_OBJECT

public:
    enum Column {
        Number,
        Name,
        Kind,
        Params,
        WeightBits,
        WeightScheme,
        ActivationBits,
        RangeMethod,
        WeightSqnr,
        OutputSqnr,
        Rom,
        Ram,
        kColumnCount
    };
    enum Role {
        LayerRole = Qt::UserRole + 1,  ///< QString: the layer's path
        SortRole,                      ///< a number or text that orders the column
        BitsRole,                      ///< int bits, 0 for float, invalid where there is nothing to quantize
        AttentionRole,                 ///< bool: look here
        ChoicesRole,                   ///< QStringList shown by the editor
    };

    LayerTableModel(QuantDocument& document, Selection& selection, QObject* parent = nullptr);

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;
    Qt::ItemFlags flags(const QModelIndex& index) const override;
    /// Edit value: the index of the choice in ChoicesRole, or for bits a text "2".."16" or "float".
    bool setData(const QModelIndex& index, const QVariant& value, int role) override;

    core::LayerId layerAt(int row) const;
    int rowOf(const core::LayerId& layer) const;  ///< -1 for none

Q_SIGNALS:
    /// Why an edit was not taken.
    void editRefused(const QString& reason);

private:
    const core::Layer* layerOfRow(int row) const;  ///< null for the input row
    QString displayText(int row, int column) const;
    QVariant sortValue(int row, int column) const;
    QStringList choices(int row, int column) const;
    QVariant bits(int row, core::SiteKind kind) const;
    void reload();
    void updateRow(const core::LayerId& layer);
    void updateAttention();

    QuantDocument& m_document;
    Selection& m_selection;
    std::vector<core::LayerId> m_rows;  ///< of the model now shown; changes with it alone
    std::set<core::LayerId> m_attention;
};

}  // namespace bitlathe::ui
