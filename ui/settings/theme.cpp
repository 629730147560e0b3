#include "ui/settings/theme.h"

#include "plots/plot_theme.h"

#include <QApplication>
#include <QFontDatabase>
#include <QStyleFactory>

/// A static library's resources register themselves only when asked; the macro must stand outside any
/// namespace.
static void registerResources() {
    Q_INIT_RESOURCE(bitlathe);
}

namespace bitlathe::ui {

namespace {

Theme& activeTheme() {
    static Theme theme = Theme::light();
    return theme;
}

/// Whether the desktop itself is dark: Qt 6.4 has no colour-scheme query, the palette it starts with tells.
bool isSystemDark() {
    static const bool isDark = [] {
        const QPalette palette = QApplication::palette();
        return palette.color(QPalette::WindowText).lightness() > palette.color(QPalette::Window).lightness();
    }();
    return isDark;
}

/// The plots' colours are the window's: tables, graph and plots agree because there is one list.
Theme fromPlotTheme(const plots::PlotTheme& plot) {
    Theme theme;
    theme.isDark = plot.scheme == plots::PlotTheme::Scheme::Dark;
    theme.window = plot.desk;
    theme.surface = plot.surface;
    theme.header = plot.header;
    theme.border = plot.border;
    theme.text = plot.text;
    theme.mutedText = plot.muted;
    theme.accent = plot.accent;
    theme.selection = plot.selection;
    theme.attention = plot.attention;
    theme.good = plot.good;
    return theme;
}

std::optional<core::BitWidth> widthOf(std::optional<int> bits) {
    return bits ? std::optional<core::BitWidth>(core::BitWidth(*bits)) : std::nullopt;
}

QFont applicationFont() {
    QFont font = QApplication::font();
    // A face with tabular figures that stay legible at 13 px; the desktop's own font where it is not
    // installed.
    if (QFontDatabase::families().contains(QStringLiteral("Inter"))) {
        font.setFamily(QStringLiteral("Inter"));
    }
    font.setPixelSize(13);
    return font;
}

}  // namespace

Theme Theme::light() {
    Theme theme = fromPlotTheme(plots::PlotTheme::light());
    theme.onAccent = QColor(0xffffff);
    theme.hover = QColor(0xf1f5f9);
    return theme;
}

Theme Theme::dark() {
    Theme theme = fromPlotTheme(plots::PlotTheme::dark());
    theme.onAccent = QColor(0x10202e);
    theme.hover = QColor(0x2a2f39);
    return theme;
}

QColor Theme::bitsFill(std::optional<int> bits) const {
    return bits ? plots::PlotTheme::light().colorForBits(widthOf(bits)) : surface;
}

QColor Theme::bitsText(std::optional<int> bits) const {
    return bits ? plots::PlotTheme::textOn(bitsFill(bits)) : mutedText;
}

QPalette Theme::palette() const {
    QPalette palette;
    palette.setColor(QPalette::Window, window);
    palette.setColor(QPalette::WindowText, text);
    palette.setColor(QPalette::Base, surface);
    palette.setColor(QPalette::AlternateBase, hover);
    palette.setColor(QPalette::Text, text);
    palette.setColor(QPalette::PlaceholderText, mutedText);
    palette.setColor(QPalette::Button, surface);
    palette.setColor(QPalette::ButtonText, text);
    palette.setColor(QPalette::BrightText, attention);
    palette.setColor(QPalette::Highlight, selection);
    palette.setColor(QPalette::HighlightedText, text);
    palette.setColor(QPalette::ToolTipBase, surface);
    palette.setColor(QPalette::ToolTipText, text);
    palette.setColor(QPalette::Link, accent);
    palette.setColor(QPalette::LinkVisited, accent);
    palette.setColor(QPalette::Light, isDark ? header : surface);
    palette.setColor(QPalette::Midlight, border);
    palette.setColor(QPalette::Mid, border);
    palette.setColor(QPalette::Dark, border.darker(isDark ? 140 : 120));
    palette.setColor(QPalette::Shadow, QColor(0, 0, 0, 90));
    for (const QPalette::ColorRole role : {QPalette::WindowText, QPalette::Text, QPalette::ButtonText}) {
        QColor faded = mutedText;
        faded.setAlpha(140);
        palette.setColor(QPalette::Disabled, role, faded);
    }
    return palette;
}

QString Theme::styleSheet() const {
    const QString sheet = QStringLiteral(R"(
QToolTip { background: @surface; color: @text; border: 1px solid @border; padding: 4px 6px; }
QMainWindow::separator { background: @window; width: 5px; height: 5px; }
QMainWindow::separator:hover { background: @border; }
QMenuBar { background: @surface; border-bottom: 1px solid @border; padding: 1px 4px; }
QMenuBar::item { padding: 4px 9px; background: transparent; border-radius: 4px; }
QMenuBar::item:selected { background: @header; }
QMenu { background: @surface; border: 1px solid @border; padding: 4px; }
QMenu::item { padding: 5px 28px 5px 12px; border-radius: 4px; }
QMenu::item:selected { background: @selection; color: @text; }
QMenu::item:disabled { color: @muted; }
QMenu::separator { height: 1px; background: @border; margin: 4px 6px; }
QMenu::icon { padding-left: 6px; }
QToolBar { background: @surface; border: none; border-bottom: 1px solid @border; spacing: 6px; padding: 6px 8px; }
QToolBar::separator { background: @border; width: 1px; margin: 4px 3px; }
#qt_toolbar_ext_button { border: none; padding: 0; min-height: 0; }
QDialogButtonBox { dialogbuttonbox-buttons-have-icons: 0; }
QToolButton, QPushButton { background: @surface; border: 1px solid @border; border-radius: 5px; padding: 4px 11px; min-height: 18px; color: @text; }
QToolButton:hover, QPushButton:hover { background: @hover; border-color: @muted; }
QToolButton:pressed, QPushButton:pressed, QToolButton:checked { background: @selection; }
QToolButton:disabled, QPushButton:disabled { color: @faded; border-color: @header; }
QToolButton:focus, QPushButton:focus { border-color: @accent; }
QToolButton[popupMode="2"] { padding-right: 18px; }
QToolButton::menu-indicator { subcontrol-origin: padding; subcontrol-position: right center; right: 5px; }
QToolButton[flat="true"], QPushButton[flat="true"] { border-color: transparent; background: transparent; padding: 3px 6px; }
QToolButton[flat="true"]:hover, QPushButton[flat="true"]:hover { background: @hover; }
QToolButton[section="true"] { border: none; background: transparent; padding: 3px 2px; font-weight: 600; }
QToolButton[section="true"]:hover { color: @accent; }
QToolButton[section="true"]:focus { color: @accent; }
QToolButton[primary="true"], QPushButton[primary="true"], QPushButton:default { background: @accent; color: @onAccent; border-color: @accent; }
QToolButton[primary="true"]:hover, QPushButton[primary="true"]:hover { background: @accentHover; }
QToolButton[primary="true"]:disabled, QPushButton[primary="true"]:disabled { background: @header; color: @faded; border-color: @header; }
QLineEdit, QComboBox, QAbstractSpinBox, QPlainTextEdit, QTextEdit { background: @surface; color: @text; border: 1px solid @border; border-radius: 5px; padding: 3px 7px; selection-background-color: @accent; selection-color: @onAccent; }
QLineEdit:focus, QComboBox:focus, QAbstractSpinBox:focus, QPlainTextEdit:focus { border-color: @accent; }
QLineEdit:disabled, QComboBox:disabled, QAbstractSpinBox:disabled { color: @faded; background: @window; }
QComboBox { padding-right: 20px; min-height: 18px; }
QComboBox::drop-down { border: none; width: 20px; }
QComboBox::down-arrow { image: url(:/icons/@tone/chevron-down.svg); width: 11px; height: 11px; }
QComboBox QAbstractItemView { background: @surface; border: 1px solid @border; padding: 3px; outline: none; selection-background-color: @selection; selection-color: @text; }
QComboBox QAbstractItemView::item { min-height: 22px; padding: 1px 6px; }
QSpinBox::up-button, QDoubleSpinBox::up-button, QSpinBox::down-button, QDoubleSpinBox::down-button { border: none; background: transparent; width: 16px; }
QSpinBox::up-arrow, QDoubleSpinBox::up-arrow { image: url(:/icons/@tone/chevron-up.svg); width: 9px; height: 9px; }
QSpinBox::down-arrow, QDoubleSpinBox::down-arrow { image: url(:/icons/@tone/chevron-down.svg); width: 9px; height: 9px; }
QTabBar { qproperty-drawBase: 0; background: transparent; }
QTabBar::tab { background: transparent; color: @muted; border: none; border-bottom: 2px solid transparent; padding: 6px 13px 5px 13px; margin: 0; }
QTabBar::tab:selected { color: @text; font-weight: 600; border-bottom: 2px solid @accent; }
QTabBar::tab:hover:!selected { color: @text; border-bottom: 2px solid @border; }
QTabBar::tab:focus { color: @accent; }
QTabWidget::pane { border: none; border-top: 1px solid @border; top: -1px; }
QHeaderView { background: @surface; }
QHeaderView::section { background: @surface; color: @muted; font-weight: 600; border: none; border-bottom: 1px solid @border; padding: 3px 0px 3px 4px; }
QHeaderView::section:hover { color: @text; }
QHeaderView::up-arrow { image: url(:/icons/@tone/chevron-up.svg); width: 9px; height: 9px; subcontrol-position: center right; right: 2px; }
QHeaderView::down-arrow { image: url(:/icons/@tone/chevron-down.svg); width: 9px; height: 9px; subcontrol-position: center right; right: 2px; }
QTableView, QTreeView, QListView { background: @surface; border: none; gridline-color: @border; outline: none; selection-background-color: @selection; selection-color: @text; }
QScrollArea { background: transparent; border: none; }
QScrollBar:vertical { background: transparent; width: 10px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 0; }
QScrollBar::handle { background: @scroll; border-radius: 3px; min-height: 24px; min-width: 24px; margin: 2px; }
QScrollBar::handle:hover { background: @muted; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QProgressBar { background: @header; border: none; border-radius: 3px; height: 6px; text-align: center; }
QProgressBar::chunk { background: @accent; border-radius: 3px; }
QCheckBox, QRadioButton { spacing: 7px; }
QCheckBox::indicator:unchecked, QRadioButton::indicator:unchecked { background: @surface; border: 1px solid @muted; border-radius: 3px; }
QRadioButton::indicator:unchecked { border-radius: 7px; }
QGroupBox { border: 1px solid @border; border-radius: 6px; margin-top: 10px; padding: 10px 8px 8px 8px; }
QGroupBox::title { subcontrol-origin: margin; left: 10px; padding: 0 4px; color: @muted; }
QStatusBar { background: @window; color: @muted; border-top: 1px solid @border; }
QStatusBar::item { border: none; }
QDialog { background: @surface; }
QLabel[role="muted"] { color: @muted; }
QLabel[role="caption"] { color: @muted; font-size: 11px; }
QLabel[role="heading"] { font-size: 18px; font-weight: 600; }
QLabel[role="strong"] { font-weight: 600; }
QLabel[role="good"] { color: @good; }
QLabel[role="attention"] { color: @attention; }
#panelFrame { background: @surface; border: 1px solid @border; border-top: none; border-bottom-left-radius: 4px; border-bottom-right-radius: 4px; }
#panelFrame[tabbed="true"] { border-top: 1px solid @border; border-top-left-radius: 4px; border-top-right-radius: 4px; }
#dockTitle { background: @header; border: 1px solid @border; border-top-left-radius: 4px; border-top-right-radius: 4px; }
#dockTitle QToolButton { border: none; background: transparent; padding: 2px; min-height: 0; border-radius: 3px; }
#dockTitle QToolButton:hover { background: @border; }
)");
    const QColor faded = QColor::fromRgbF(0.5F * (mutedText.redF() + surface.redF()),
                                          0.5F * (mutedText.greenF() + surface.greenF()),
                                          0.5F * (mutedText.blueF() + surface.blueF()));
    const auto mix = [](const QColor& a, const QColor& b, float share) {
        return QColor::fromRgbF(a.redF() * share + b.redF() * (1 - share),
                                a.greenF() * share + b.greenF() * (1 - share),
                                a.blueF() * share + b.blueF() * (1 - share));
    };
    // Longer names first: "@accentHover" begins with "@accent".
    const std::pair<const char*, QString> values[] = {
        {"@accentHover", mix(accent, text, 0.85F).name()},
        {"@onAccent", onAccent.name()},
        {"@accent", accent.name()},
        {"@attention", attention.name()},
        {"@selection", selection.name()},
        {"@surface", surface.name()},
        {"@scroll", mix(mutedText, surface, 0.35F).name()},
        {"@window", window.name()},
        {"@header", header.name()},
        {"@border", border.name()},
        {"@hover", hover.name()},
        {"@muted", mutedText.name()},
        {"@faded", faded.name()},
        {"@text", text.name()},
        {"@good", good.name()},
        {"@tone", isDark ? QStringLiteral("dark") : QStringLiteral("light")},
    };
    QString result = sheet;
    for (const auto& [name, value] : values) {
        result.replace(QLatin1String(name), value);
    }
    return result;
}

void applyTheme(ThemeChoice choice) {
    registerResources();
    const bool isDark = choice == ThemeChoice::Dark || (choice == ThemeChoice::System && isSystemDark());
    activeTheme() = isDark ? Theme::dark() : Theme::light();
    const Theme& theme = activeTheme();
    QApplication::setStyle(QStyleFactory::create(QStringLiteral("Fusion")));
    QApplication::setPalette(theme.palette());
    QApplication::setFont(applicationFont());
    qApp->setStyleSheet(theme.styleSheet());
}

const Theme& currentTheme() {
    return activeTheme();
}

}  // namespace bitlathe::ui
