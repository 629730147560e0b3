#pragma once

#include <QColor>
#include <QPalette>
#include <QString>

#include <optional>

namespace bitlathe::ui {

/// Every colour of the window, in one place. Light and dark share the order: more ink means fewer bits,
/// orange means "look here", green means "fits".
struct Theme {
    bool isDark = false;
    QColor window;   ///< behind the cards
    QColor surface;  ///< cards, tables, menus
    QColor header;   ///< title rows
    QColor border;
    QColor text;
    QColor mutedText;
    QColor accent;
    QColor onAccent;  ///< text on the accent
    QColor selection;
    QColor hover;
    QColor attention;  ///< orange
    QColor good;       ///< green

    static Theme light();
    static Theme dark();

    /// Fill of a bit-width chip. Float (empty) is the bare surface: chips draw it with an outline.
    QColor bitsFill(std::optional<int> bits) const;
    /// Text that is readable on bitsFill(bits).
    QColor bitsText(std::optional<int> bits) const;

    QPalette palette() const;
    /// The application style sheet.
    QString styleSheet() const;
};

enum class ThemeChoice { System, Light, Dark };

/// Sets palette, style sheet and font of the whole application and remembers the theme for currentTheme().
void applyTheme(ThemeChoice choice);
/// The theme last applied (light before the first).
const Theme& currentTheme();

}  // namespace bitlathe::ui
