#pragma once

#include "plots/plot_widget.h"

#include <optional>
#include <vector>

namespace bitlathe::plots {

struct TrainingPoint {
    double epoch = 0;            ///< fractions within an epoch
    std::optional<double> loss;  ///< mean over the step's samples; not drawn where it is not finite
    std::optional<double> accuracyPercent;            ///< on held-out data, where it was measured
    std::optional<double> trainAccuracyPercent = {};  ///< on the batches learned from, where it is known
};

/// Loss (left axis, dashed) and accuracy (right axis, %; dotted on the batches learned from) against epoch; grows
/// while a job runs.
class TrainingCurvePlot final : public PlotWidget {
    Q_OBJECT

public:
    explicit TrainingCurvePlot(QWidget* parent = nullptr);

    /// In order of epochs.
    void setPoints(std::vector<TrainingPoint> points);
    /// Drawn together with others appended in the same turn of the event loop.
    void append(const TrainingPoint& point);
    void clear();
    /// Fixes the right end of the axis while a job runs; empty: the last point.
    void setPlannedEpochs(std::optional<double> epochs);

    PlotTable table(TableExtent extent) const override;
    QString toolTipAt(const QPointF& position) const override;

protected:
    void relayout() override;

private:
    void rescale();
    void describeData();
    std::optional<double> last(std::optional<double> TrainingPoint::*member) const;
    void paintCurves(QPainter& painter) const;
    void paintLegend(QPainter& painter) const;

    std::vector<TrainingPoint> m_points;
    std::optional<double> m_plannedEpochs;
};

}  // namespace bitlathe::plots
