#pragma once

#include <string>

#include "ui/document/quant_document.h"
#include "ui/document/selection.h"

#include "experiments/jobs/latest_wins.h"

#include <QWidget>

#include <optional>

class QCheckBox;
class QComboBox;
class QFormLayout;
class QLabel;
class QLineEdit;
class QTableView;
class QToolButton;

namespace bitlathe::plots {
class ErrorCurvePlot;
class HistogramPlot;
}  // namespace bitlathe::plots

namespace bitlathe::ui {

class CodingCosts;
class MethodEditor;
class RangeMethodModel;
struct ErrorCurvePoint;
struct ObserverChoice;

/// One site of the current layer: its histogram with clip handles and the levels of its grid, what the clip
/// costs, the error over the clip with each range method's choice, and its choices. Moving a handle edits the
/// document; what follows is shown in the same frame, the curve and the methods as soon as a worker knows them.
class SitePage final : public QWidget {
    Q_OBJECT

public:
    SitePage(core::SiteKind kind, QuantDocument& document, Selection& selection, QWidget* parent = nullptr);

    plots::HistogramPlot* histogram() const noexcept { return m_histogram; }
    plots::ErrorCurvePlot* curve() const noexcept { return m_curve; }
    /// What each range method would choose; a double-click or Enter takes it.
    QTableView* rangeMethods() const noexcept { return m_methods; }
    /// Whose figures stand under the histogram; must outlive the page.
    void setCodingCosts(const CodingCosts* costs);
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
    /// Layers an edit of scheme, range method or bits goes to: the selection.
    std::vector<core::LayerId> targets() const;

    void showLayer();    ///< another layer, or other statistics
    void showChoices();  ///< the layer's choices or derived values changed
    void showGranularity(const core::Granularity& granularity);
    void showFigures();
    /// The error over the clip and each range method's choice; redone only when something but the clip
    /// changed.
    void showCurve(const std::optional<core::Range>& clip);
    void takeCurve(const std::vector<ErrorCurvePoint>& points);
    void takeChoices(const std::vector<ObserverChoice>& choices, const core::SiteQuant& quant);
    void showCodingCost();
    void takeMark(int index);
    void takeObserver(const std::string& name);
    void buildRangeMethods();
    void takeDrag(const core::Range& range, quint64 plotGesture);
    void cancelDrag();
    void takeTypedBounds();
    void edit(const QString& refusal);
    void buildChoices();
    void addWeightRows(QFormLayout& form);
    void showWeightRows();
    void addOutputRows(QFormLayout& form);

    core::SiteKind m_kind;
    QuantDocument& m_document;
    Selection& m_selection;
    core::LayerId m_layer;

    plots::HistogramPlot* m_histogram = nullptr;
    plots::ErrorCurvePlot* m_curve = nullptr;
    QLabel* m_sqnr = nullptr;
    QLabel* m_mse = nullptr;
    QLabel* m_clipped = nullptr;
    QLabel* m_coding = nullptr;
    const CodingCosts* m_codingCosts = nullptr;
    QWidget* m_choices = nullptr;
    QComboBox* m_bits = nullptr;
    QComboBox* m_granularity = nullptr;
    QComboBox* m_batchNorm = nullptr;          ///< of the weight page
    QComboBox* m_padding = nullptr;            ///< of the weight page
    QCheckBox* m_takesPostTraining = nullptr;  ///< of the weight page
    QComboBox* m_rangeTime = nullptr;          ///< of the output page
    MethodEditor* m_quantizer = nullptr;
    MethodEditor* m_observer = nullptr;
    QLineEdit* m_lower = nullptr;
    QLineEdit* m_upper = nullptr;
    QToolButton* m_reset = nullptr;
    QLabel* m_note = nullptr;
    RangeMethodModel* m_methodModel = nullptr;
    QTableView* m_methods = nullptr;

    core::BatchNormMode m_shownBatchNorm = core::BatchNormMode::Folded;
    core::SiteQuant m_curveQuant;  ///< what the curve and its marks were drawn for
    double m_curveLower = 0;
    bool m_isSymmetric = false;  ///< both sides of the grid move together
    std::vector<ObserverMark> m_marks;
    quint64 m_plotGesture = 0;  ///< of the drag going on, as the plot counts
    quint64 m_gesture = 0;      ///< the same, as the document counts
    core::LayerQuant m_beforeGesture;
    int m_methodSeries = 0;
    quint64 m_methodGesture = 0;
    experiments::LatestWins m_curveWork;  ///< last: nothing is delivered once the rest goes
};

}  // namespace bitlathe::ui
