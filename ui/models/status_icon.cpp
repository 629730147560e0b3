#include "ui/models/status_icon.h"

#include "ui/settings/theme.h"

#include <QIconEngine>
#include <QPainter>
#include <QPainterPath>
#include <QPixmap>

namespace bitlathe::ui {

namespace {

QColor colorOf(StatusGlyph glyph) {
    const Theme& theme = currentTheme();
    switch (glyph) {
    case StatusGlyph::Running:
        return theme.accent;
    case StatusGlyph::Succeeded:
        return theme.good;
    case StatusGlyph::Failed:
    case StatusGlyph::Interrupted:
        return theme.attention;
    default:
        return theme.mutedText;
    }
}

/// Draws in a 16 × 16 box.
void drawGlyph(QPainter& painter, StatusGlyph glyph, const QColor& color) {
    painter.setPen(QPen(color, 1.6, Qt::SolidLine, Qt::RoundCap, Qt::RoundJoin));
    painter.setBrush(Qt::NoBrush);
    switch (glyph) {
    case StatusGlyph::Waiting:
        painter.drawEllipse(QRectF(3.5, 3.5, 9, 9));
        break;
    case StatusGlyph::Running:
        painter.setBrush(color);
        painter.drawPolygon(QPolygonF({{5, 3.5}, {5, 12.5}, {12.5, 8}}));
        break;
    case StatusGlyph::Stopping:
        painter.setBrush(color);
        painter.drawRect(QRectF(4.5, 4.5, 7, 7));
        break;
    case StatusGlyph::Succeeded:
        painter.drawPolyline(QPolygonF({{3, 8.5}, {6.5, 12}, {13, 4.5}}));
        break;
    case StatusGlyph::Cancelled:
        painter.drawEllipse(QRectF(3, 3, 10, 10));
        painter.drawLine(QPointF(5, 11), QPointF(11, 5));
        break;
    case StatusGlyph::Failed:
        painter.drawLine(QPointF(4, 4), QPointF(12, 12));
        painter.drawLine(QPointF(12, 4), QPointF(4, 12));
        break;
    case StatusGlyph::Interrupted:
        painter.drawPolygon(QPolygonF({{8, 2.5}, {14, 13}, {2, 13}}));
        painter.drawLine(QPointF(8, 6.5), QPointF(8, 9));
        painter.drawPoint(QPointF(8, 11.2));
        break;
    }
}

class StatusIconEngine final : public QIconEngine {
public:
    explicit StatusIconEngine(StatusGlyph glyph) : m_glyph(glyph) {}

    QIconEngine* clone() const override { return new StatusIconEngine(m_glyph); }

    void paint(QPainter* painter, const QRect& rect, QIcon::Mode mode, QIcon::State) override {
        painter->save();
        painter->setRenderHint(QPainter::Antialiasing);
        const double side = qMin(rect.width(), rect.height());
        painter->translate(rect.center().x() + 0.5 - side / 2, rect.center().y() + 0.5 - side / 2);
        painter->scale(side / 16, side / 16);
        drawGlyph(*painter, m_glyph, mode == QIcon::Disabled ? currentTheme().mutedText : colorOf(m_glyph));
        painter->restore();
    }

    QPixmap pixmap(const QSize& size, QIcon::Mode mode, QIcon::State state) override {
        QPixmap pixmap(size);
        pixmap.fill(Qt::transparent);
        QPainter painter(&pixmap);
        paint(&painter, QRect({}, size), mode, state);
        return pixmap;
    }

private:
    StatusGlyph m_glyph;
};

}  // namespace

QIcon statusIcon(StatusGlyph glyph) {
    return QIcon(new StatusIconEngine(glyph));
}

}  // namespace bitlathe::ui
