#include "plots/mark_strip.h"

#include "plots/label_layout.h"

#include <QFontMetricsF>
#include <QPainter>

#include <algorithm>
#include <cmath>
#include <utility>

namespace bitlathe::plots {

void MarkStrip::setMarks(std::vector<PlotMark> marks) {
    std::erase_if(marks, [](const PlotMark& mark) { return !std::isfinite(mark.value); });
    m_marks = std::move(marks);
    m_places.assign(m_marks.size(), {});
    m_rows = 0;
}

void MarkStrip::place(const std::function<double(double)>& xOf, const QRectF& visible, double top,
                      double width, const QFont& font, int maxRows) {
    m_font = font;
    const QFontMetricsF metrics(font);
    m_top = top;
    m_rowHeight = std::ceil(metrics.height());
    std::vector<LabelRequest> requests;
    std::vector<std::size_t> requesters;
    for (std::size_t i = 0; i < m_marks.size(); ++i) {
        const double x = xOf(m_marks[i].value);
        m_places[i] = {x, x >= visible.left() - 1 && x <= visible.right() + 1, std::nullopt};
        if (m_places[i].isVisible) {
            requests.push_back(
                {x, QSizeF(std::ceil(metrics.horizontalAdvance(m_marks[i].label)) + 1, m_rowHeight)});
            requesters.push_back(i);
        }
    }
    m_rows = 0;
    while (m_rows < maxRows && !requests.empty()) {
        ++m_rows;
        const auto placed = placeLabels(requests, QRectF(0, top, width, m_rows * m_rowHeight), m_rowHeight);
        for (std::size_t i = 0; i < requesters.size(); ++i) {
            m_places[requesters[i]].label = placed[i];
        }
        if (std::find(placed.begin(), placed.end(), std::nullopt) == placed.end()) {
            break;
        }
    }
}

std::vector<QRectF> MarkStrip::labelRects() const {
    std::vector<QRectF> rects;
    for (const Place& place : m_places) {
        if (place.label) {
            rects.push_back(*place.label);
        }
    }
    return rects;
}

std::optional<std::size_t> MarkStrip::markAt(const QPointF& position) const {
    for (std::size_t i = 0; i < m_places.size(); ++i) {
        const Place& place = m_places[i];
        if ((place.isVisible && std::abs(position.x() - place.x) <= 3) ||
            (place.label && place.label->contains(position))) {
            return i;
        }
    }
    return std::nullopt;
}

void MarkStrip::paint(QPainter& painter, const PlotTheme& theme, double bottom) const {
    for (std::size_t i = 0; i < m_marks.size(); ++i) {
        const Place& place = m_places[i];
        if (!place.isVisible) {
            continue;
        }
        const double x = std::round(place.x) + 0.5;
        const double top = place.label ? place.label->top() + 2 : m_top + height();
        painter.setPen(QPen(m_marks[i].isEmphasized ? theme.attention : theme.muted, 1, Qt::DotLine));
        painter.drawLine(QPointF(x, top), QPointF(x, bottom));
    }
    painter.setFont(m_font);
    for (std::size_t i = 0; i < m_marks.size(); ++i) {
        if (m_places[i].label) {
            painter.fillRect(*m_places[i].label, theme.surface);  // lines of others stop at the text
            painter.setPen(m_marks[i].isEmphasized ? theme.attention : theme.muted);
            painter.drawText(*m_places[i].label, Qt::AlignCenter, m_marks[i].label);
        }
    }
}

}  // namespace bitlathe::plots
