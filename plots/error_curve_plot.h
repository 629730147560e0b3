#pragma once

#include "plots/mark_strip.h"
#include "plots/plot_widget.h"

#include <QPen>

#include <optional>
#include <vector>

namespace bitlathe::plots {

enum class ErrorMeasure {
    SqnrDb,            ///< dB, more is better; linear axis
    MeanSquaredError,  ///< tensor units squared, less is better; logarithmic axis
};

/// Error of one tensor's quantization when its range is clipped at a given value.
struct ErrorCurvePoint {
    double clip = 0;                   ///< units of the tensor
    double error = 0;                  ///< in the curve's measure
    std::optional<double> rounding{};  ///< part of a squared error made inside the range
    std::optional<double> clipping{};  ///< and the part made outside it
};

/// Quantization error against clip value, with what each observer would choose and what is set now. Lines up
/// with a HistogramPlot of the same width above it; connect HistogramPlot::axisChanged to setAxis for that.
class ErrorCurvePlot final : public PlotWidget {
    Q_OBJECT

public:
    explicit ErrorCurvePlot(QWidget* parent = nullptr);

    /// In ascending clip values; points that are not finite, or cannot be on a logarithmic axis, are left
    /// out.
    void setCurve(std::vector<ErrorCurvePoint> points, ErrorMeasure measure);
    void setMarks(std::vector<PlotMark> marks);
    /// The clip value in use; empty: none. Cheap: redraws no axis.
    void setCurrent(std::optional<double> clip);

    core::Range visibleRange() const;
    void setVisibleRange(const core::Range& range);
    /// Takes the horizontal axis of another plot: what it shows when zoomed out, and what it shows now.
    void setAxis(const core::Range& home, const core::Range& visible);
    std::vector<QRectF> labelRects() const { return m_marks.labelRects(); }

    PlotTable table(TableExtent extent) const override;
    QString toolTipAt(const QPointF& position) const override;
    QSize sizeHint() const override { return {370, 140}; }

Q_SIGNALS:
    /// A click on a mark or its label: index into the marks set.
    void markClicked(int index);

protected:
    void relayout() override;
    void followView() override;
    void clickAt(const QPointF& position, Qt::KeyboardModifiers modifiers) override;
    void hoverAt(const QPointF& position) override;

private:
    std::optional<double> errorAt(double clip) const;
    QString errorText(double error) const;
    void describeData();
    void updateHome();
    void paintCurve(QPainter& painter) const;
    void paintPart(QPainter& painter, std::optional<double> ErrorCurvePoint::*part) const;
    QPen penOf(std::optional<double> ErrorCurvePoint::*part) const;
    bool hasParts() const;
    void paintMarks(QPainter& painter) const;
    void paintCurrent(QPainter& painter) const;
    void paintCaption(QPainter& painter) const;

    std::vector<ErrorCurvePoint> m_points;
    ErrorMeasure m_measure = ErrorMeasure::SqnrDb;
    MarkStrip m_marks;
    std::optional<double> m_current;
    std::optional<core::Range> m_home;  ///< of the other plot, if any
};

}  // namespace bitlathe::plots
