#include "plots/layer_plot.h"

#include <utility>

namespace bitlathe::plots {

void LayerPlot::setSelection(std::set<core::LayerId> layers) {
    m_selection = std::move(layers);
    replotLater(Part::Data);
}

void LayerPlot::clickAt(const QPointF& position, Qt::KeyboardModifiers modifiers) {
    const int index = indexAt(position);
    if (index >= 0) {
        Q_EMIT layerClicked(layerAt(index), modifiers);
    }
}

void LayerPlot::hoverAt(const QPointF& position) {
    setHovered(indexAt(position));
}

void LayerPlot::leaveEvent(QEvent* event) {
    PlotWidget::leaveEvent(event);
    setHovered(-1);
}

void LayerPlot::setHovered(int index) {
    if (index == m_hovered) {
        return;
    }
    m_hovered = index;
    if (index >= 0) {
        setCursor(Qt::PointingHandCursor);
    } else {
        unsetCursor();
    }
    replotLater(Part::Data);
    Q_EMIT layerHovered(index >= 0 ? layerAt(index) : core::LayerId());
}

}  // namespace bitlathe::plots
