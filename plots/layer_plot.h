#pragma once

#include <string>

#include "core/types/layer_id.h"
#include "plots/plot_widget.h"

#include <set>

namespace bitlathe::plots {

/// A plot with one thing per layer: shows the shared selection in orange, and tells when a layer is pointed
/// at.
class LayerPlot : public PlotWidget {
    Q_OBJECT

public:
    /// Layers that are not in the plot are ignored.
    void setSelection(std::set<core::LayerId> layers);

Q_SIGNALS:
    void layerClicked(bitlathe::core::LayerId layer, Qt::KeyboardModifiers modifiers);
    /// An empty id when the pointer leaves.
    void layerHovered(bitlathe::core::LayerId layer);

protected:
    using PlotWidget::PlotWidget;

    /// Layer drawn at `position` (px), an index of the plot's own list; -1 for none.
    virtual int indexAt(const QPointF& position) const = 0;
    virtual core::LayerId layerAt(int index) const = 0;

    bool isSelected(const core::LayerId& layer) const { return m_selection.contains(layer); }
    int hoveredIndex() const noexcept { return m_hovered; }

    void clickAt(const QPointF& position, Qt::KeyboardModifiers modifiers) override;
    void hoverAt(const QPointF& position) override;
    void leaveEvent(QEvent* event) override;

private:
    void setHovered(int index);

    std::set<core::LayerId> m_selection;
    int m_hovered = -1;
};

}  // namespace bitlathe::plots
