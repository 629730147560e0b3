#pragma once

#include <QIcon>
#include <QString>

class QAbstractButton;
class QAction;

namespace bitlathe::ui {

/// The line icon `name` in the current theme's ink.
QIcon themedIcon(const QString& name);
/// Gives an object its icon and remembers the name, so that refreshThemedIcons can redraw it in another
/// theme.
void setThemedIcon(QAction* action, const QString& name);
void setThemedIcon(QAbstractButton* button, const QString& name);
/// Redraws every themed icon below `root` after a change of theme.
void refreshThemedIcons(QObject* root);

}  // namespace bitlathe::ui
