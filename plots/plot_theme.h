#pragma once

#include <string>

#include "core/types/bit_width.h"

#include <QColor>
#include <QFont>
#include <QPalette>

#include <optional>

namespace bitlathe::plots {

/// Colours and small fonts of every picture in the window, so that table, graph and plots agree.
/// Blue carries quantity (darker = fewer bits, in both schemes); orange says "look here" and nothing else.
struct PlotTheme {
    enum class Scheme { Light, Dark };

    Scheme scheme = Scheme::Light;
    QColor desk;     ///< behind the panels
    QColor surface;  ///< of a panel, a table, a plot
    QColor header;   ///< of a panel's title bar
    QColor border;   ///< hairlines around things
    QColor grid;     ///< hairlines inside a plot
    QColor text;
    QColor muted;      ///< axis labels, captions
    QColor accent;     ///< primary button, tab underline, focus ring
    QColor series;     ///< bars and curves
    QColor greyed;     ///< what a range leaves out
    QColor shade;      ///< the range itself, behind the bars
    QColor selection;  ///< a selected row
    QColor attention;  ///< orange: handles, limits, the selected layer
    QColor good;       ///< an improvement; never without a sign or a word

    static PlotTheme light();
    static PlotTheme dark();
    /// The scheme whose window colour is as dark as the palette's, on the palette's own base colour.
    static PlotTheme forPalette(const QPalette& palette);

    /// A widget palette in these colours.
    QPalette palette() const;

    /// Fill for something stored at `bits`, darker for fewer; the same in both schemes, because it carries
    /// meaning. Empty = float: a grey outside the scale.
    QColor colorForBits(std::optional<core::BitWidth> bits) const;
    /// Black or white-ish, whichever can be read on `background`.
    static QColor textOn(const QColor& background);
    /// Colour `index` of the Okabe-Ito set for categories (runs A, B, ...), repeating after 7. Told apart
    /// with any colour vision; lighter in the dark scheme.
    static QColor category(int index, Scheme scheme = Scheme::Light);

    /// Axis labels and captions: `base` at 85 %, not under 8 px.
    static QFont smallFont(const QFont& base);
};

}  // namespace bitlathe::plots
