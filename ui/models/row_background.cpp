#include "ui/models/row_background.h"

#include "ui/settings/theme.h"

#include <QPainter>
#include <QStyleOptionViewItem>

namespace bitlathe::ui {

void paintRowBackground(QPainter& painter, const QStyleOptionViewItem& option) {
    const Theme& theme = currentTheme();
    if (option.state.testFlag(QStyle::State_Selected)) {
        painter.fillRect(option.rect, theme.selection);
    }
    painter.setPen(theme.border);
    painter.drawLine(option.rect.bottomLeft(), option.rect.bottomRight());
}

}  // namespace bitlathe::ui
