#include "ui/panels/post_training_panel.h"

#include "core/ptq/post_training.h"
#include "core/registry/registry.h"
#include "ui/document/config_edits.h"
#include "ui/panels/method_editor.h"
#include "ui/panels/panel_parts.h"

#include <QAction>
#include <QHBoxLayout>
#include <QLabel>
#include <QListWidget>
#include <QMenu>
#include <QScrollArea>
#include <QSignalBlocker>
#include <QStackedWidget>
#include <QToolButton>
#include <QVBoxLayout>

#include <algorithm>

namespace bitlathe::ui {

namespace {

constexpr int kListWidth = 340;

QMenu* newMethodMenu(PostTrainingPanel* panel) {
    auto* const menu = new QMenu(panel);
    menu->setToolTipsVisible(true);
    for (const core::MethodInfo& method : core::postTrainingRegistry().list()) {
        QAction* const action = menu->addAction(QString::fromStdString(method.title));
        action->setToolTip(QString::fromStdString(method.source));
        QObject::connect(action, &QAction::triggered, panel,
                         [panel, name = QString::fromStdString(method.name)] { panel->add(name); });
    }
    return menu;
}

}  // namespace

PostTrainingPanel::PostTrainingPanel(QuantDocument& document, QWidget* parent)
    : QWidget(parent), m_document(document) {
    auto* const content = new QWidget(this);
    auto* const row = new QHBoxLayout(content);
    row->setContentsMargins({});
    row->setSpacing(0);
    row->addWidget(newListArea());
    row->addWidget(newEditorArea(), 1);
    QLabel* const closed = newEmptyStateLabel(this);
    closed->setText(tr("Open a model to choose post-training methods for its configurations."));
    m_pages = new QStackedWidget(this);
    m_pages->addWidget(closed);
    m_pages->addWidget(content);
    auto* const column = new QVBoxLayout(this);
    column->setContentsMargins({});
    column->addWidget(m_pages);

    connect(&document, &QuantDocument::modelChanged, this, &PostTrainingPanel::refresh);
    connect(&document, &QuantDocument::variantsChanged, this, &PostTrainingPanel::refresh);
    connect(&document, &QuantDocument::postTrainingChanged, this, &PostTrainingPanel::refresh);
    refresh();
}

QWidget* PostTrainingPanel::newListArea() {
    auto* const area = new QWidget(this);
    area->setFixedWidth(kListWidth);
    auto* const column = new QVBoxLayout(area);
    column->setContentsMargins({});
    column->setSpacing(0);
    QHBoxLayout* const tools = newToolRow(*column);
    auto* const addButton = newToolButton(tr("Add"), tr("Add a method behind the last"), area);
    addButton->setPopupMode(QToolButton::InstantPopup);
    addButton->setMenu(newMethodMenu(this));
    addButton->setObjectName(QStringLiteral("addMethod"));
    tools->addWidget(addButton);
    m_remove = newToolButton(tr("Remove"), tr("Remove the method (Del)"), area);
    m_earlier = newToolButton(tr("Earlier"), tr("Apply it before the one above (Alt+Up)"), area);
    m_later = newToolButton(tr("Later"), tr("Apply it after the one below (Alt+Down)"), area);
    connect(m_remove, &QToolButton::clicked, this, &PostTrainingPanel::removeCurrent);
    connect(m_earlier, &QToolButton::clicked, this, [this] { moveCurrent(-1); });
    connect(m_later, &QToolButton::clicked, this, [this] { moveCurrent(1); });
    for (QToolButton* const button : {m_remove, m_earlier, m_later}) {
        tools->addWidget(button);
    }
    tools->addStretch();

    m_list = new QListWidget(area);
    m_list->setAccessibleName(tr("Post-training methods in their order"));
    m_list->setFrameShape(QFrame::NoFrame);
    connect(m_list, &QListWidget::currentRowChanged, this, &PostTrainingPanel::showCurrent);
    const auto addKey = [this](const QKeySequence& key, auto run) {
        auto* const action = new QAction(m_list);
        action->setShortcut(key);
        action->setShortcutContext(Qt::WidgetShortcut);
        connect(action, &QAction::triggered, this, run);
        m_list->addAction(action);
    };
    addKey(QKeySequence::Delete, [this] { removeCurrent(); });
    addKey(Qt::ALT | Qt::Key_Up, [this] { moveCurrent(-1); });
    addKey(Qt::ALT | Qt::Key_Down, [this] { moveCurrent(1); });
    column->addWidget(m_list, 1);
    return area;
}

QWidget* PostTrainingPanel::newEditorArea() {
    auto* const page = new QWidget(this);
    auto* const column = new QVBoxLayout(page);
    column->setContentsMargins(14, 10, 14, 10);
    column->setSpacing(8);
    m_editor = new MethodEditor(tr("Post-training method"), core::postTrainingRegistry().list(), page);
    connect(m_editor, &MethodEditor::specEdited, this, [this](const core::MethodSpec& spec, int series) {
        const int row = m_list->currentRow();
        if (row < 0) {
            return;
        }
        if (series != m_series) {
            m_series = series;
            m_gesture = m_document.nextGesture();
        }
        std::vector<core::MethodSpec> methods = m_document.config().postTraining;
        methods[static_cast<std::size_t>(row)] = spec;
        push(std::move(methods), tr("post-training parameters"), row, m_gesture);
    });
    m_source = new QLabel(page);
    m_source->setProperty("role", QStringLiteral("caption"));
    m_source->setWordWrap(true);
    column->addWidget(m_editor);
    column->addWidget(m_source);
    column->addStretch();
    auto* const area = new QScrollArea(this);
    area->setFrameShape(QFrame::NoFrame);
    area->setWidgetResizable(true);
    area->setWidget(page);
    area->viewport()->setAutoFillBackground(false);
    page->setAutoFillBackground(false);
    return area;
}

void PostTrainingPanel::push(std::vector<core::MethodSpec> methods, const QString& text, int row,
                             quint64 gesture) {
    const QString refusal = setPostTraining(m_document, std::move(methods), text, gesture);
    if (!refusal.isEmpty()) {
        Q_EMIT editRefused(refusal);
        refresh();
        return;
    }
    m_list->setCurrentRow(row);
}

void PostTrainingPanel::add(const QString& name) {
    std::vector<core::MethodSpec> methods = m_document.config().postTraining;
    methods.push_back({name.toStdString(), {}});
    const int row = static_cast<int>(methods.size()) - 1;
    push(std::move(methods), tr("add post-training method"), row);
}

void PostTrainingPanel::removeCurrent() {
    const int row = m_list->currentRow();
    std::vector<core::MethodSpec> methods = m_document.config().postTraining;
    if (row < 0) {
        return;
    }
    methods.erase(methods.begin() + row);
    const int next = std::min(row, static_cast<int>(methods.size()) - 1);
    push(std::move(methods), tr("remove post-training method"), next);
}

void PostTrainingPanel::moveCurrent(int direction) {
    const int row = m_list->currentRow();
    const int target = row + direction;
    std::vector<core::MethodSpec> methods = m_document.config().postTraining;
    if (row < 0 || target < 0 || target >= static_cast<int>(methods.size())) {
        return;
    }
    std::swap(methods[static_cast<std::size_t>(row)], methods[static_cast<std::size_t>(target)]);
    push(std::move(methods), tr("order of post-training methods"), target);
}

QString PostTrainingPanel::summary() const {
    const auto count = static_cast<int>(m_document.config().postTraining.size());
    return count == 0 ? QString() : count == 1 ? tr("1 method") : tr("%1 methods").arg(count);
}

void PostTrainingPanel::refresh() {
    m_pages->setCurrentIndex(m_document.hasModel() ? 1 : 0);
    const std::vector<core::MethodSpec>& methods = m_document.config().postTraining;
    const int current = m_list->currentRow();
    {
        const QSignalBlocker blocker(m_list);
        while (m_list->count() > static_cast<int>(methods.size())) {
            delete m_list->takeItem(m_list->count() - 1);
        }
        for (int row = 0; row < static_cast<int>(methods.size()); ++row) {
            const core::MethodInfo& info =
                core::postTrainingRegistry().info(methods[static_cast<std::size_t>(row)].name);
            const QString text =
                QStringLiteral("%1.  %2").arg(row + 1).arg(QString::fromStdString(info.title));
            if (row < m_list->count()) {
                m_list->item(row)->setText(text);
            } else {
                m_list->addItem(text);
            }
        }
        m_list->setCurrentRow(methods.empty() ? -1 : std::clamp(current, 0, m_list->count() - 1));
    }
    showCurrent();
    Q_EMIT summaryChanged();
}

void PostTrainingPanel::showCurrent() {
    const int row = m_list->currentRow();
    const std::vector<core::MethodSpec>& methods = m_document.config().postTraining;
    const bool hasMethod = row >= 0 && row < static_cast<int>(methods.size());
    m_editor->setVisible(hasMethod);
    m_remove->setEnabled(hasMethod);
    m_earlier->setEnabled(hasMethod && row > 0);
    m_later->setEnabled(hasMethod && row + 1 < static_cast<int>(methods.size()));
    if (!hasMethod) {
        m_source->setText(
            tr("No methods: the configuration runs as its ranges leave it. Add one to correct biases, "
               "equalize or round weights before it is evaluated, without training. Methods are applied "
               "in order whenever this configuration is run, measured or exported."));
        return;
    }
    const core::MethodSpec& spec = methods[static_cast<std::size_t>(row)];
    m_editor->setSpec(spec);
    m_source->setText(
        tr("%1\nApplied whenever this configuration is run, measured or exported; the figures of the "
           "tables are those before it.")
            .arg(QString::fromStdString(core::postTrainingRegistry().info(spec.name).source)));
}

}  // namespace bitlathe::ui
