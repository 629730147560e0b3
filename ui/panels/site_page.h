#pragma once

#include <string>

#include "ui/document/quant_document.h"
#include "ui/document/selection.h"

#include <QWidget>

#include <optional>

class QComboBox;
class QLabel;
class QLineEdit;
class QToolButton;

namespace bitlathe::plots {
class ErrorCurvePlot;
class HistogramPlot;
}  // namespace bitlathe::plots

namespace bitlathe::ui {

class MethodEditor;
struct SiteQuestion;

/// One site of the current layer: its histogram with clip handles, what the clip costs, the error over the
/// clip, and its choices. Moving a handle edits the document; what follows is shown in the same frame.
class SitePage final : public QWidget {
    Q_OBJECT

public:
    SitePage(core::SiteKind kind, QuantDocument& document, Selection& selection, QWidget* parent = nullptr);

    plots::HistogramPlot* histogram() const noexcept { return m_histogram; }
    /// The figures under the histogram as plain text.
    QString figures() const;

Q_SIGNALS:
    void editRefused(const QString& reason);

private:
    /// A range method on the curve: a click on it takes its choice.
    struct ObserverMark {
        std::string name;
        double bound = 0;
    };

    core::SiteId site() const { return {m_layer, m_kind}; }
    SiteQuestion question() const;
    /// Layers an edit of scheme, range method or bits goes to: the selection.
    std::vector<core::LayerId> targets() const;

    void showLayer();    ///< another layer, or other statistics
    void showChoices();  ///< the layer's choices or derived values changed
    void showFigures();
    /// The error over the clip and each range method's choice; redone only when something but the clip
    /// changed.
    void showCurve(const std::optional<core::Range>& clip);
    void takeMark(int index);
    void takeDrag(const core::Range& range, quint64 plotGesture);
    void cancelDrag();
    void takeTypedBounds();
    void edit(const QString& refusal);
    void buildChoices();

    core::SiteKind m_kind;
    QuantDocument& m_document;
    Selection& m_selection;
    core::LayerId m_layer;

    plots::HistogramPlot* m_histogram = nullptr;
    plots::ErrorCurvePlot* m_curve = nullptr;
    QLabel* m_sqnr = nullptr;
    QLabel* m_mse = nullptr;
    QLabel* m_clipped = nullptr;
    QWidget* m_choices = nullptr;
    QComboBox* m_bits = nullptr;
    QComboBox* m_granularity = nullptr;
    MethodEditor* m_quantizer = nullptr;
    MethodEditor* m_observer = nullptr;
    QLineEdit* m_lower = nullptr;
    QLineEdit* m_upper = nullptr;
    QToolButton* m_reset = nullptr;
    QLabel* m_note = nullptr;

    core::SiteQuant m_curveQuant;  ///< what the curve and its marks were drawn for
    double m_curveLower = 0;
    bool m_isSymmetric = false;  ///< both sides of the grid move together
    std::vector<ObserverMark> m_marks;
    quint64 m_plotGesture = 0;  ///< of the drag going on, as the plot counts
    quint64 m_gesture = 0;      ///< the same, as the document counts
    core::LayerQuant m_beforeGesture;
    int m_methodSeries = 0;
    quint64 m_methodGesture = 0;
};

}  // namespace bitlathe::ui
