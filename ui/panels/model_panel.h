#pragma once

#include <string>

#include "ui/document/quant_document.h"
#include "ui/document/selection.h"

#include <QWidget>

class QTreeView;

namespace bitlathe::ui {

class LayerTreeModel;

/// The model as a column of boxes in execution order, coloured by bits. Blocks open and close with the arrow
/// keys, Enter or a click on their mark; a click selects.
class ModelPanel final : public QWidget {
    Q_OBJECT

public:
    ModelPanel(QuantDocument& document, Selection& selection, QWidget* parent = nullptr);

    QTreeView* view() const noexcept { return m_view; }
    /// "28 layers · 215,498 params"
    QString summary() const;

private:
    void pullSelection();
    void pushSelection();

    QuantDocument& m_document;
    Selection& m_selection;
    LayerTreeModel* m_model = nullptr;
    QTreeView* m_view = nullptr;
    bool m_isSyncing = false;
};

}  // namespace bitlathe::ui
