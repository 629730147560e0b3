#pragma once

#include <QIcon>
#include <QString>

namespace bitlathe::ui {

/// State of a job or a run, as a shape: it can be told without its colour.
enum class StatusGlyph {
    Waiting,      ///< empty circle
    Running,      ///< filled triangle
    Stopping,     ///< square
    Succeeded,    ///< check mark
    Cancelled,    ///< circle with a bar
    Failed,       ///< cross
    Interrupted,  ///< triangle with an exclamation mark
};

/// Drawn at any size, in the colours of the theme at the time of drawing.
QIcon statusIcon(StatusGlyph glyph);

}  // namespace bitlathe::ui
