#include "ui/panels/layers_panel.h"

#include "ui/commands/set_variants_command.h"
#include "ui/document/config_edits.h"
#include "ui/models/layer_filter_model.h"
#include "ui/models/layer_table_delegate.h"
#include "ui/models/layer_table_model.h"
#include "ui/models/scheme_choices.h"

#include <QApplication>
#include <QClipboard>
#include <QComboBox>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QInputDialog>
#include <QKeyEvent>
#include <QLabel>
#include <QLineEdit>
#include <QMenu>
#include <QStyleOptionViewItem>
#include <QTableView>
#include <QToolButton>
#include <QVBoxLayout>

#include <algorithm>
#include <numeric>
#include <vector>

namespace bitlathe::ui {

namespace {

/// What the style puts around a header text: padding of the sheet and its own margins.
constexpr int kHeaderMargins = 12;
constexpr int kSortMarkWidth = 8;
constexpr int kMaxColumnWidth = 220;

/// 0 for F, 2..8 for the digits, empty for other keys. Shifted digits arrive as the characters of the
/// keyboard's layout
/// ('"', '$', '%'), so with Shift the digit is taken from the key event's native position.
std::optional<int> bitsOfKey(const QKeyEvent& event) {
    if (event.key() == Qt::Key_F) {
        return 0;
    }
    if (event.key() >= Qt::Key_2 && event.key() <= Qt::Key_8) {
        return event.key() - Qt::Key_0;
    }
    if (!event.modifiers().testFlag(Qt::ShiftModifier)) {
        return std::nullopt;
    }
    // X11 and Wayland: key codes of the digit row 1..9 are 10..18 on every layout.
    const quint32 code = event.nativeScanCode();
    if (code >= 11 && code <= 17) {
        return static_cast<int>(code) - 9;
    }
    // Without scan codes (synthetic events): the US layout.
    static const QString kShifted = QStringLiteral("@#$%^&*");
    const qsizetype place = event.text().isEmpty() ? -1 : kShifted.indexOf(event.text().front());
    return place < 0 ? std::nullopt : std::optional<int>(static_cast<int>(place) + 2);
}

QString uniqueName(const std::vector<NamedConfig>& variants, const QString& wanted) {
    const auto isTaken = [&](const QString& name) {
        return std::any_of(variants.begin(), variants.end(),
                           [&](const NamedConfig& each) { return each.name == name.toStdString(); });
    };
    QString name = wanted;
    for (int i = 2; isTaken(name); ++i) {
        name = QStringLiteral("%1 %2").arg(wanted).arg(i);
    }
    return name;
}

}  // namespace

LayersPanel::LayersPanel(QuantDocument& document, Selection& selection, QWidget* parent)
    : QWidget(parent), m_document(document), m_selection(selection) {
    m_model = new LayerTableModel(document, selection, this);
    m_filter = new LayerFilterModel(this);
    m_filter->setSourceModel(m_model);

    m_variantCombo = new QComboBox(this);
    m_variantCombo->setAccessibleName(tr("Configuration"));
    m_variantCombo->setToolTip(tr("The configuration being edited; each becomes a run of its own"));
    m_variantCombo->setSizeAdjustPolicy(QComboBox::AdjustToContents);
    m_variantCombo->setMinimumWidth(150);
    connect(m_variantCombo, &QComboBox::activated, this, &LayersPanel::chooseVariant);

    m_variantMenu = new QToolButton(this);
    m_variantMenu->setText(QStringLiteral("⋯"));
    m_variantMenu->setProperty("flat", true);
    m_variantMenu->setAccessibleName(tr("Configuration actions"));
    m_variantMenu->setToolTip(tr("Duplicate, rename or remove this configuration"));
    auto* const variantMenu = new QMenu(m_variantMenu);
    variantMenu->addAction(tr("&Duplicate"), this, &LayersPanel::duplicateVariant);
    variantMenu->addAction(tr("&Rename…"), this, &LayersPanel::renameVariant);
    QAction* const remove = variantMenu->addAction(tr("Re&move"), this, &LayersPanel::removeVariant);
    connect(variantMenu, &QMenu::aboutToShow, this,
            [this, remove] { remove->setEnabled(m_document.variants().size() > 1); });
    m_variantMenu->setMenu(variantMenu);
    m_variantMenu->setPopupMode(QToolButton::InstantPopup);
    m_variantMenu->setStyleSheet(QStringLiteral("QToolButton::menu-indicator { image: none; }"));

    m_filterEdit = new QLineEdit(this);
    m_filterEdit->setPlaceholderText(tr("Find layer  Ctrl+F"));
    m_filterEdit->setAccessibleName(tr("Find layer"));
    m_filterEdit->setClearButtonEnabled(true);
    m_filterEdit->setMaximumWidth(230);
    m_filterEdit->installEventFilter(this);
    connect(m_filterEdit, &QLineEdit::textChanged, this, [this](const QString& text) {
        m_filter->setFilterText(text);
        m_count->setText(text.isEmpty() ? QString()
                                        : tr("%1 of %2").arg(m_filter->rowCount()).arg(m_model->rowCount()));
        pullSelection();
    });
    m_count = new QLabel(this);
    m_count->setProperty("role", QStringLiteral("muted"));

    m_table = new QTableView(this);
    m_table->setObjectName(QStringLiteral("layerTable"));
    m_table->setAccessibleName(tr("Layers"));
    m_table->setModel(m_filter);
    m_table->setItemDelegate(new LayerTableDelegate(m_table));
    m_table->setSelectionBehavior(QAbstractItemView::SelectRows);
    m_table->setSelectionMode(QAbstractItemView::ExtendedSelection);
    m_table->setEditTriggers(QAbstractItemView::DoubleClicked | QAbstractItemView::EditKeyPressed);
    m_table->setShowGrid(false);
    m_table->setMouseTracking(true);
    m_table->setWordWrap(false);
    m_table->setHorizontalScrollMode(QAbstractItemView::ScrollPerPixel);
    m_table->setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
    m_table->verticalHeader()->hide();
    m_table->verticalHeader()->setDefaultSectionSize(LayerTableDelegate::kRowHeight);
    m_table->horizontalHeader()->setHighlightSections(false);
    m_table->horizontalHeader()->setSectionsMovable(true);
    m_table->horizontalHeader()->setMinimumSectionSize(24);
    m_table->horizontalHeader()->setFixedHeight(26);
    m_table->setSortingEnabled(true);
    m_table->sortByColumn(LayerTableModel::Number, Qt::AscendingOrder);
    m_table->setContextMenuPolicy(Qt::CustomContextMenu);
    m_table->installEventFilter(this);
    m_table->viewport()->installEventFilter(this);
    connect(m_table, &QWidget::customContextMenuRequested, this, &LayersPanel::showMenu);
    connect(m_table->selectionModel(), &QItemSelectionModel::selectionChanged, this,
            &LayersPanel::pushSelection);
    connect(m_table->selectionModel(), &QItemSelectionModel::currentRowChanged, this,
            &LayersPanel::pushSelection);
    connect(m_table, &QTableView::entered, this, [this](const QModelIndex& index) {
        m_selection.setHovered(m_model->layerAt(m_filter->mapToSource(index).row()));
    });

    auto* const bar = new QHBoxLayout;
    bar->setContentsMargins(8, 6, 8, 6);
    bar->setSpacing(6);
    bar->addWidget(m_variantCombo);
    bar->addWidget(m_variantMenu);
    bar->addStretch();
    bar->addWidget(m_count);
    bar->addWidget(m_filterEdit);
    auto* const column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addLayout(bar);
    column->addWidget(m_table);

    connect(m_model, &LayerTableModel::editRefused, this, &LayersPanel::editRefused);
    connect(&document, &QuantDocument::modelChanged, this, [this] {
        m_filterEdit->clear();
        fitColumns();
    });
    connect(&document, &QuantDocument::statisticsChanged, this, &LayersPanel::fitColumns);
    connect(&document, &QuantDocument::variantsChanged, this, &LayersPanel::refreshVariants);
    connect(&selection, &Selection::layersChanged, this, &LayersPanel::pullSelection);
    connect(&selection, &Selection::currentChanged, this, &LayersPanel::pullSelection);
    refreshVariants();
}

QString LayersPanel::summary() const {
    const auto count = static_cast<int>(m_selection.layers().size());
    const QString keys = tr("keys 2 4 8 F set bits · Alt+↓ next by error");
    return count > 1 ? tr("%1 selected · %2").arg(count).arg(keys) : keys;
}

void LayersPanel::focusFilter() {
    m_filterEdit->setFocus(Qt::ShortcutFocusReason);
    m_filterEdit->selectAll();
}

void LayersPanel::goByError(int step) {
    const std::vector<core::LayerId> ranked = m_document.layersByError();
    if (ranked.empty()) {
        return;
    }
    const auto found = std::find(ranked.begin(), ranked.end(), m_selection.current());
    const auto last = static_cast<std::ptrdiff_t>(ranked.size()) - 1;
    // From anywhere else the walk starts at the worst layer.
    const std::ptrdiff_t place =
        found == ranked.end() ? 0 : std::clamp<std::ptrdiff_t>(found - ranked.begin() + step, 0, last);
    m_selection.setSite(core::SiteKind::Output);
    m_selection.selectOnly(ranked[static_cast<std::size_t>(place)]);
}

QString LayersPanel::tabSeparated() const {
    QStringList lines;
    const auto lineOf = [&](const auto& cell) {
        QStringList cells;
        for (int column = 0; column < LayerTableModel::kColumnCount; ++column) {
            cells << cell(column);
        }
        return cells.join(QLatin1Char('\t'));
    };
    lines << lineOf([&](int column) { return m_filter->headerData(column, Qt::Horizontal).toString(); });
    const bool isAll = m_selection.layers().empty();
    for (int row = 0; row < m_filter->rowCount(); ++row) {
        const core::LayerId id = m_model->layerAt(m_filter->mapToSource(m_filter->index(row, 0)).row());
        if (isAll || m_selection.contains(id)) {
            lines << lineOf(
                [&](int column) { return m_filter->index(row, column).data(Qt::EditRole).toString(); });
        }
    }
    return lines.join(QLatin1Char('\n')) + QLatin1Char('\n');
}

void LayersPanel::copySelection() const {
    QApplication::clipboard()->setText(tabSeparated());
}

bool LayersPanel::eventFilter(QObject* watched, QEvent* event) {
    if (event->type() == QEvent::Leave && watched == m_table) {
        m_selection.setHovered({});
    }
    if (event->type() == QEvent::Resize && watched == m_table->viewport()) {
        const auto* const resize = static_cast<QResizeEvent*>(event);
        if (resize->size().width() != resize->oldSize().width()) {
            fitColumns();
        }
    }
    if (event->type() == QEvent::KeyPress) {
        auto* const key = static_cast<QKeyEvent*>(event);
        if (watched == m_filterEdit) {
            if (key->key() == Qt::Key_Escape) {
                m_filterEdit->clear();
                m_table->setFocus();
                return true;
            }
            if (key->key() == Qt::Key_Down || key->key() == Qt::Key_Return) {
                m_table->setFocus();
                return true;
            }
        }
        if (watched == m_table) {
            const Qt::KeyboardModifiers modifiers = key->modifiers() & ~Qt::KeypadModifier;
            if (key->matches(QKeySequence::Copy)) {
                copySelection();
                return true;
            }
            if (modifiers == Qt::NoModifier || modifiers == Qt::ShiftModifier) {
                if (const std::optional<int> bits = bitsOfKey(*key)) {
                    const QString refusal = setBits(m_document, m_selection.layers(),
                                                    modifiers == Qt::ShiftModifier ? core::SiteKind::Output
                                                                                   : core::SiteKind::Weight,
                                                    *bits == 0 ? std::nullopt : bits);
                    if (!refusal.isEmpty()) {
                        Q_EMIT editRefused(refusal);
                    }
                    return true;
                }
            }
            if (modifiers == Qt::AltModifier && (key->key() == Qt::Key_Down || key->key() == Qt::Key_Up)) {
                goByError(key->key() == Qt::Key_Down ? 1 : -1);
                return true;
            }
            if (key->key() == Qt::Key_Escape) {
                m_selection.clear();
                return true;
            }
            if (key->key() == Qt::Key_Return || key->key() == Qt::Key_Enter) {
                m_table->edit(m_table->currentIndex());
                return true;
            }
        }
    }
    return QWidget::eventFilter(watched, event);
}

void LayersPanel::showMenu(const QPoint& position) {
    QMenu menu(this);
    const auto layers = m_selection.layers();
    const auto addBits = [&](const QString& title, core::SiteKind kind) {
        QMenu* const bits = menu.addMenu(title);
        for (const QString& text : bitsTexts()) {
            bits->addAction(text, this, [this, layers, kind, text] {
                const int width = bitsFromText(text).value_or(0);
                const QString refusal =
                    setBits(m_document, layers, kind, width == 0 ? std::nullopt : std::optional<int>(width));
                if (!refusal.isEmpty()) {
                    Q_EMIT editRefused(refusal);
                }
            });
        }
    };
    addBits(tr("&Weight bits"), core::SiteKind::Weight);
    addBits(tr("&Activation bits"), core::SiteKind::Output);
    QMenu* const schemes = menu.addMenu(tr("Weight &scheme"));
    for (const SchemeChoice& choice : schemeChoices()) {
        schemes->addAction(choice.text, this, [this, layers, choice] {
            setQuantizer(m_document, layers, core::SiteKind::Weight, choice.quantizer, choice.granularity);
        });
    }
    QMenu* const ranges = menu.addMenu(tr("Output &range"));
    for (const std::string& name : observerNames()) {
        ranges->addAction(methodText(name), this, [this, layers, name] {
            setObserver(m_document, layers, core::SiteKind::Output, {name, {}});
        });
    }
    for (QMenu* const each : menu.findChildren<QMenu*>(Qt::FindDirectChildrenOnly)) {
        each->setEnabled(!layers.empty());
    }
    menu.addSeparator();
    menu.addAction(tr("Select a&ll"), m_table, &QTableView::selectAll);
    menu.addAction(tr("&Copy as table"), this, &LayersPanel::copySelection);
    menu.exec(m_table->viewport()->mapToGlobal(position));
}

void LayersPanel::pullSelection() {
    if (m_isSyncing) {
        return;
    }
    m_isSyncing = true;
    QItemSelection chosen;
    QModelIndex current;
    for (const core::LayerId& id : m_selection.layers()) {
        const QModelIndex index = m_filter->mapFromSource(m_model->index(m_model->rowOf(id), 0));
        if (index.isValid()) {
            chosen.select(index, index);
        }
        if (index.isValid() && id == m_selection.current()) {
            // The column stays, so walking by error with a cell under the cursor keeps comparing the same
            // figure.
            current = index.siblingAtColumn(std::max(0, m_table->currentIndex().column()));
        }
    }
    m_table->selectionModel()->select(chosen,
                                      QItemSelectionModel::ClearAndSelect | QItemSelectionModel::Rows);
    if (current.isValid()) {
        m_table->selectionModel()->setCurrentIndex(current, QItemSelectionModel::NoUpdate);
        m_table->scrollTo(current);
    }
    m_isSyncing = false;
    Q_EMIT summaryChanged();
}

void LayersPanel::pushSelection() {
    if (m_isSyncing) {
        return;
    }
    m_isSyncing = true;
    std::vector<int> rows;
    for (const QModelIndex& index : m_table->selectionModel()->selectedRows()) {
        rows.push_back(m_filter->mapToSource(index).row());
    }
    std::sort(rows.begin(), rows.end());
    std::vector<core::LayerId> layers;
    layers.reserve(rows.size());
    for (const int row : rows) {
        layers.push_back(m_model->layerAt(row));
    }
    const int currentRow = m_filter->mapToSource(m_table->currentIndex()).row();
    m_selection.select(std::move(layers), m_model->layerAt(currentRow));
    m_isSyncing = false;
    Q_EMIT summaryChanged();
}

void LayersPanel::refreshVariants() {
    m_variantCombo->clear();
    for (const NamedConfig& variant : m_document.variants()) {
        m_variantCombo->addItem(QString::fromStdString(variant.name));
    }
    m_variantCombo->setCurrentIndex(m_document.activeVariant());
    m_variantCombo->setEnabled(m_document.hasModel());
    m_variantMenu->setEnabled(m_document.hasModel());
    m_filterEdit->setEnabled(m_document.hasModel());
}

void LayersPanel::chooseVariant(int index) {
    if (index != m_document.activeVariant()) {
        m_document.undoStack()->push(
            new SetVariantsCommand(m_document, m_document.variants(), index,
                                   tr("configuration %1").arg(m_variantCombo->itemText(index))));
    }
    m_table->setFocus();
}

void LayersPanel::duplicateVariant() {
    std::vector<NamedConfig> variants = m_document.variants();
    NamedConfig copy = variants[static_cast<std::size_t>(m_document.activeVariant())];
    copy.name = uniqueName(variants, QString::fromStdString(copy.name) + tr(" copy")).toStdString();
    variants.push_back(std::move(copy));
    const int active = static_cast<int>(variants.size()) - 1;
    m_document.undoStack()->push(
        new SetVariantsCommand(m_document, std::move(variants), active, tr("duplicate configuration")));
}

void LayersPanel::renameVariant() {
    std::vector<NamedConfig> variants = m_document.variants();
    NamedConfig& active = variants[static_cast<std::size_t>(m_document.activeVariant())];
    bool isAccepted = false;
    const QString name =
        QInputDialog::getText(this, tr("Rename configuration"), tr("Name"), QLineEdit::Normal,
                              QString::fromStdString(active.name), &isAccepted)
            .trimmed();
    if (!isAccepted || name.isEmpty() || name.toStdString() == active.name) {
        return;
    }
    active.name = uniqueName(variants, name).toStdString();
    m_document.undoStack()->push(new SetVariantsCommand(
        m_document, std::move(variants), m_document.activeVariant(), tr("rename configuration")));
}

void LayersPanel::removeVariant() {
    std::vector<NamedConfig> variants = m_document.variants();
    variants.erase(variants.begin() + m_document.activeVariant());
    const int active = std::min(m_document.activeVariant(), static_cast<int>(variants.size()) - 1);
    m_document.undoStack()->push(
        new SetVariantsCommand(m_document, std::move(variants), active, tr("remove configuration")));
}

void LayersPanel::fitColumns() {
    // Where not everything fits, the layer's name and kind give way first, elided, with a tool tip that has them whole;
    // then the columns another one stands for: weights in bytes for their count, the name for the kind. Schemes and figures
    // are never cut. What is still too wide is scrolled.
    using Widths = std::vector<std::pair<int, int>>;
    static const Widths kShrinkable = {
        {LayerTableModel::RangeMethod, 64}, {LayerTableModel::Kind, 60}, {LayerTableModel::Name, 122}};
    static constexpr int kDispensable[] = {LayerTableModel::Params, LayerTableModel::Kind};
    QHeaderView* const header = m_table->horizontalHeader();
    QStyleOptionViewItem option;
    option.fontMetrics = m_table->fontMetrics();
    int excess = -m_table->viewport()->width();
    for (int column = 0; column < LayerTableModel::kColumnCount; ++column) {
        int natural = 0;
        for (int row = 0; row < m_filter->rowCount(); ++row) {
            natural = std::max(
                natural, m_table->itemDelegate()->sizeHint(option, m_filter->index(row, column)).width());
        }
        const QString title = m_filter->headerData(column, Qt::Horizontal).toString();
        QFont font = m_table->font();
        font.setWeight(QFont::DemiBold);
        const int titleWidth = QFontMetrics(font).horizontalAdvance(title) + kHeaderMargins +
                               (column == header->sortIndicatorSection() ? kSortMarkWidth : 0);
        const int width = std::min(std::max(natural, titleWidth), kMaxColumnWidth);
        m_table->setColumnWidth(column, width);
        excess += width;
    }
    for (const int column : kDispensable) {
        m_table->setColumnHidden(column, false);
    }
    const auto room = [&] {
        return std::accumulate(kShrinkable.begin(), kShrinkable.end(), 0, [this](int sum, const auto& each) {
            const bool isShown = !m_table->isColumnHidden(each.first);
            return sum + (isShown ? std::max(0, m_table->columnWidth(each.first) - each.second) : 0);
        });
    };
    for (const int column : kDispensable) {
        if (excess > room()) {
            excess -= m_table->columnWidth(column);
            m_table->setColumnHidden(column, true);
        }
    }
    for (const auto& [column, minimum] : kShrinkable) {
        const int width = m_table->columnWidth(column);
        const int cut = std::clamp(excess, 0, std::max(0, width - minimum));
        if (!m_table->isColumnHidden(column)) {
            m_table->setColumnWidth(column, width - cut);
            excess -= cut;
        }
    }
    if (excess < 0) {
        m_table->setColumnWidth(LayerTableModel::Name, m_table->columnWidth(LayerTableModel::Name) - excess);
    }
}

}  // namespace bitlathe::ui
