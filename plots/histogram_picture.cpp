#include "plots/histogram_picture.h"

#include <QFontMetricsF>
#include <QPainter>

#include <algorithm>
#include <cmath>

namespace bitlathe::plots {

namespace {

constexpr double kLevelSpacingPx = 3;
constexpr double kSwatchPx = 9;
constexpr double kLegendGapPx = 14;

}  // namespace

void paintShade(QPainter& painter, const HistogramFrame& frame, const core::Range& range) {
    const QRectF area(frame.area);
    const double left = std::clamp(frame.axis.xOf(range.lower), area.left(), area.right());
    const double right = std::clamp(frame.axis.xOf(range.upper), area.left(), area.right());
    painter.fillRect(QRectF(QPointF(left, area.top()), QPointF(right, area.bottom())), frame.theme->shade);
}

void paintBars(QPainter& painter, const HistogramFrame& frame, const core::Histogram& histogram,
               const core::Range& kept) {
    const QRect area = frame.area;
    painter.setClipRect(area, Qt::IntersectClip);
    const int bottom = area.bottom();  // the axis line
    const auto topOf = [&](double count) {
        return std::min(bottom - 1, static_cast<int>(std::lround(frame.yOf(count))));
    };
    const auto pixel = [&](double value) { return static_cast<int>(std::lround(frame.axis.xOf(value))); };
    // Everything in whole pixels: bars of equal width are drawn equally wide, and edges stay sharp.
    for (const HistogramBar& bar : joinBins(histogram, {frame.axis.lower, frame.axis.upper}, area.width())) {
        if (bar.count <= frame.lowestCount) {
            continue;
        }
        const int left = pixel(bar.lower);
        const int right = std::max(left + 1, pixel(bar.upper) - 1);
        const int top = topOf(bar.count);
        const int keptLeft = bar.lower >= kept.lower ? left : std::clamp(pixel(kept.lower), left, right);
        const int keptRight = bar.upper <= kept.upper ? right : std::clamp(pixel(kept.upper), left, right);
        painter.fillRect(QRect(left, top, right - left, bottom - top), frame.theme->greyed);
        if (keptRight > keptLeft) {
            painter.fillRect(QRect(keptLeft, top, keptRight - keptLeft, bottom - top), frame.theme->series);
        }
    }
    if (histogram.zeros() > 0) {
        const int x = pixel(0);
        const int top = topOf(static_cast<double>(histogram.zeros()));
        painter.fillRect(QRect(x - 1, top, 3, bottom - top), frame.theme->text);
    }
}

void paintLevelCounts(QPainter& painter, const HistogramFrame& frame, const std::vector<LevelCount>& levels) {
    const double bottom = frame.area.bottom();
    const QColor color = PlotTheme::category(1, frame.theme->scheme);
    painter.setClipRect(frame.area.adjusted(-3, -3, 3, 0), Qt::IntersectClip);
    for (const LevelCount& level : levels) {
        const double x = std::round(frame.axis.xOf(level.value));
        if (level.count <= frame.lowestCount || !frame.axis.isVisible(x)) {
            continue;
        }
        const double top = std::min(bottom - 1, std::round(frame.yOf(level.count)));
        painter.fillRect(QRectF(x, top, 1, bottom - top), color);
        painter.fillRect(QRectF(x - 1, top - 1, 3, 3), color);
    }
}

void paintLevelTicks(QPainter& painter, const HistogramFrame& frame, const std::vector<double>& levels) {
    const QRect area = frame.area;
    QColor band = frame.theme->attention;
    band.setAlphaF(0.4F);
    std::size_t first = 0;
    while (first < levels.size()) {
        std::size_t last = first;
        while (last + 1 < levels.size() &&
               frame.axis.xOf(levels[last + 1]) - frame.axis.xOf(levels[last]) < kLevelSpacingPx) {
            ++last;
        }
        const int left = static_cast<int>(std::lround(frame.axis.xOf(levels[first])));
        const int right = static_cast<int>(std::lround(frame.axis.xOf(levels[last])));
        const QRect tick = QRect(left, area.bottom() + 2, right - left + 1, 4)
                               .intersected(QRect(area.left(), area.bottom() + 2, area.width() + 2, 4));
        painter.fillRect(tick, first == last ? frame.theme->attention : band);
        first = last + 1;
    }
}

void paintHistogramCaption(QPainter& painter, const HistogramFrame& frame, const QRectF& line,
                           const QString& caption, const QString& legend, const QFont& font) {
    const QFontMetricsF metrics(font);
    const double legendWidth =
        legend.isEmpty() ? 0 : std::ceil(metrics.horizontalAdvance(legend)) + kSwatchPx;
    const double gap = legend.isEmpty() || caption.isEmpty() ? 0 : kLegendGapPx;
    const double room = line.width() - 8 - legendWidth - gap;
    const QString shown = metrics.elidedText(caption, Qt::ElideRight, std::max(0.0, room));
    const double captionWidth = std::ceil(metrics.horizontalAdvance(shown));
    const double total = captionWidth + gap + legendWidth;
    const double left =
        std::clamp(QRectF(frame.area).center().x() - total / 2, 4.0, std::max(4.0, line.width() - 4 - total));
    const QRectF text(left, line.top(), total + 2, line.height());
    painter.setFont(font);
    painter.setPen(frame.theme->muted);
    painter.drawText(text, Qt::AlignVCenter | Qt::AlignLeft, shown);
    if (!legend.isEmpty()) {
        const double x = std::round(left + captionWidth + gap);
        painter.fillRect(QRectF(x, std::round(text.center().y()) - 2, 5, 5),
                         PlotTheme::category(1, frame.theme->scheme));
        painter.drawText(text.adjusted(x - left + kSwatchPx, 0, 0, 0), Qt::AlignVCenter | Qt::AlignLeft,
                         legend);
    }
}

}  // namespace bitlathe::plots
