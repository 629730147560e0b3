#include "ui/panels/model_panel.h"

#include "ui/document/layer_title.h"
#include "ui/models/layer_tree_model.h"
#include "ui/models/model_node_delegate.h"

#include <QItemSelectionModel>
#include <QMouseEvent>
#include <QTreeView>
#include <QVBoxLayout>

namespace bitlathe::ui {

namespace {

/// A tree without indentation or branch lines: the boxes say it all. A press on a block's mark opens or
/// closes it.
class NodeView final : public QTreeView {
public:
    using QTreeView::QTreeView;

protected:
    void drawBranches(QPainter*, const QRect&, const QModelIndex&) const override {}
    void mousePressEvent(QMouseEvent* event) override {
        const QModelIndex index = indexAt(event->position().toPoint());
        if (index.isValid() && model()->hasChildren(index) &&
            blockMarkRect(visualRect(index)).contains(event->position().toPoint())) {
            setExpanded(index, !isExpanded(index));
            return;
        }
        QTreeView::mousePressEvent(event);
    }
    void keyPressEvent(QKeyEvent* event) override {
        if ((event->key() == Qt::Key_Return || event->key() == Qt::Key_Space) &&
            model()->hasChildren(currentIndex())) {
            setExpanded(currentIndex(), !isExpanded(currentIndex()));
            return;
        }
        QTreeView::keyPressEvent(event);
    }
};

}  // namespace

ModelPanel::ModelPanel(QuantDocument& document, Selection& selection, QWidget* parent)
    : QWidget(parent), m_document(document), m_selection(selection) {
    m_model = new LayerTreeModel(document, this);
    m_view = new NodeView(this);
    m_view->setObjectName(QStringLiteral("modelTree"));
    m_view->setAccessibleName(tr("Model graph"));
    m_view->setModel(m_model);
    m_view->setItemDelegate(new ModelNodeDelegate(m_view));
    m_view->setHeaderHidden(true);
    m_view->setRootIsDecorated(false);
    m_view->setIndentation(0);
    m_view->setMouseTracking(true);
    m_view->setSelectionMode(QAbstractItemView::ExtendedSelection);
    m_view->setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
    m_view->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    m_view->setStyleSheet(QStringLiteral("QTreeView { padding-top: 4px; }"));

    auto* const column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->addWidget(m_view);

    connect(m_view->selectionModel(), &QItemSelectionModel::selectionChanged, this,
            &ModelPanel::pushSelection);
    connect(m_view, &QTreeView::entered, this, [this](const QModelIndex& index) {
        m_selection.setHovered(core::LayerId(index.data(LayerTreeModel::LayerRole).toString().toStdString()));
    });
    connect(&selection, &Selection::layersChanged, this, &ModelPanel::pullSelection);
    connect(&document, &QuantDocument::modelChanged, this, &ModelPanel::pullSelection);
}

QString ModelPanel::summary() const {
    if (!m_document.hasModel()) {
        return {};
    }
    qint64 parameters = 0;
    for (const core::Layer& layer : m_document.model()->layers) {
        parameters += layer.weightCount + (layer.hasBias ? layer.outputChannels : 0);
    }
    // The table counts the layers; here is room for one figure.
    return tr("%1 params").arg(groupedNumber(parameters));
}

void ModelPanel::pullSelection() {
    if (m_isSyncing) {
        return;
    }
    m_isSyncing = true;
    QItemSelection chosen;
    QModelIndex current;
    for (const core::LayerId& id : m_selection.layers()) {
        QModelIndex index = m_model->indexOf(id);
        // A closed block stands for its layers.
        if (index.parent().isValid() && !m_view->isExpanded(index.parent())) {
            index = index.parent();
        }
        if (index.isValid()) {
            if (!chosen.contains(index)) {
                chosen.select(index, index);
            }
            if (id == m_selection.current()) {
                current = index;
            }
        }
    }
    m_view->selectionModel()->select(chosen, QItemSelectionModel::ClearAndSelect);
    if (current.isValid()) {
        m_view->selectionModel()->setCurrentIndex(current, QItemSelectionModel::NoUpdate);
        m_view->scrollTo(current);
    }
    m_isSyncing = false;
}

void ModelPanel::pushSelection() {
    if (m_isSyncing) {
        return;
    }
    m_isSyncing = true;
    std::vector<core::LayerId> layers;
    // In execution order, whatever the order of the clicks.
    QModelIndexList rows = m_view->selectionModel()->selectedIndexes();
    std::sort(rows.begin(), rows.end(), [](const QModelIndex& a, const QModelIndex& b) {
        const auto place = [](const QModelIndex& index) {
            return index.parent().isValid() ? std::pair(index.parent().row(), index.row())
                                            : std::pair(index.row(), -1);
        };
        return place(a) < place(b);
    });
    for (const QModelIndex& index : rows) {
        for (const QString& path : index.data(LayerTreeModel::LayersRole).toStringList()) {
            const core::LayerId id(path.toStdString());
            if (std::find(layers.begin(), layers.end(), id) == layers.end()) {
                layers.push_back(id);
            }
        }
    }
    const core::LayerId current(
        m_view->currentIndex().data(LayerTreeModel::LayerRole).toString().toStdString());
    m_selection.select(std::move(layers), current);
    m_isSyncing = false;
}

}  // namespace bitlathe::ui
