#include "ui/dialogs/fit/pareto_page.h"

#include "ui/document/layer_title.h"

#include <QComboBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QVBoxLayout>

#include <utility>

namespace bitlathe::ui {

FitParetoPage::FitParetoPage(QWidget* parent) : QWidget(parent) {
    buildTools();
    m_plot = new plots::ParetoPlot(this);
    m_plot->setEmptyText(tr("Nothing to show yet. Measure the sensitivity of the tensors first:\n"
                            "each is quantized alone at each width, on training images."));
    connect(m_plot, &plots::ParetoPlot::pointClicked, this, &FitParetoPage::takePoint);
    m_note = new QLabel(this);
    m_note->setProperty("role", QStringLiteral("muted"));
    m_note->setWordWrap(true);
    auto* const head = new QHBoxLayout;
    head->setContentsMargins(0, 8, 0, 0);
    head->addWidget(m_byteAxis);
    head->addStretch();
    head->addWidget(m_queue);
    head->addWidget(m_measure);
    auto* const column = new QVBoxLayout(this);
    column->setContentsMargins({});
    column->addLayout(head);
    column->addWidget(m_plot, 1);
    column->addWidget(m_note);
    connect(&m_worker, &experiments::LatestWins::failed, m_note, &QLabel::setText);
    forgetPoint();
}

FitParetoPage::~FitParetoPage() {
    m_context.requestCancel();
}

void FitParetoPage::buildTools() {
    m_byteAxis = new QComboBox(this);
    m_byteAxis->setAccessibleName(tr("Horizontal axis"));
    m_byteAxis->addItem(tr("against ROM"), static_cast<int>(plots::ByteAxis::Rom));
    m_byteAxis->addItem(tr("against RAM"), static_cast<int>(plots::ByteAxis::Ram));
    connect(m_byteAxis, &QComboBox::currentIndexChanged, this, &FitParetoPage::draw);
    m_queue = new QPushButton(tr("&Queue for evaluation"), this);
    m_queue->setAutoDefault(false);
    m_queue->setObjectName(QStringLiteral("queuePoint"));
    m_queue->setToolTip(
        tr("Measures the chosen point's accuracy: one run in the log; this dialog stays open"));
    connect(m_queue, &QPushButton::clicked, this,
            [this] { Q_EMIT evaluatePointRequested(m_chosen->config, m_chosen->name); });
    m_measure = new QPushButton(tr("&Measure sensitivity"), this);
    m_measure->setAutoDefault(false);
    m_measure->setObjectName(QStringLiteral("measureSensitivity"));
    connect(m_measure, &QPushButton::clicked, this, [this] {
        m_measure->setEnabled(false);
        m_measure->setText(tr("Measuring…"));
        Q_EMIT sensitivityRequested();
    });
}

void FitParetoPage::setSensitivityState(bool isMeasured, bool canMeasure) {
    m_measure->setText(isMeasured ? tr("&Measure again") : tr("&Measure sensitivity"));
    m_measure->setEnabled(canMeasure);
    m_measure->setToolTip(
        canMeasure ? tr("Quantizes each tensor alone at each width, on training images; takes a while")
                   : tr("Not calibrated yet: press Calibrate (F7) first"));
}

void FitParetoPage::setMeasured(std::vector<plots::ParetoPoint> points) {
    m_measured = std::move(points);
    draw();
}

void FitParetoPage::setLimits(const core::SearchLimits& limits) {
    m_limits = limits;
    refreshLimit();
}

void FitParetoPage::findFront(FitQuestion question) {
    m_context.requestCancel();
    m_context = core::RunContext();
    if (!question.sensitivity) {
        m_worker.cancel();
        showFront({});
        return;
    }
    m_samples = question.sensitivity->samples;
    m_note->setText(tr("Computing the front…"));
    m_worker.start(
        [this, question = std::move(question), context = m_context]() -> experiments::LatestWins::Delivery {
            std::vector<FitPoint> front = fitFront(question, context);
            return [this, front = std::move(front)] { showFront(front); };
        });
}

void FitParetoPage::showFront(std::vector<FitPoint> front) {
    forgetPoint();  // it was one of the old front
    m_front = std::move(front);
    draw();
}

void FitParetoPage::draw() {
    std::vector<plots::ParetoPoint> points;
    for (std::size_t i = 0; i < m_front.size(); ++i) {
        const FitPoint& point = m_front[i];
        plots::ParetoPoint drawn;
        drawn.id = static_cast<qint64>(i);
        drawn.name = point.name;
        drawn.romBytes = point.romBytes;
        drawn.ramBytes = point.peakRamBytes;
        drawn.accuracyPercent = point.estimatedTop1;
        drawn.isEstimate = true;
        points.push_back(std::move(drawn));
    }
    points.insert(points.end(), m_measured.begin(), m_measured.end());
    m_plot->setByteAxis(static_cast<plots::ByteAxis>(m_byteAxis->currentData().toInt()));
    m_plot->setPoints(m_front.empty() ? std::vector<plots::ParetoPoint>() : std::move(points));
    refreshLimit();
    m_note->setText(
        m_front.empty()
            ? QString()
            : tr("Estimates add up what each tensor loses alone, on %1 training images. Click a point to "
                 "see and accept its bits.")
                  .arg(groupedNumber(m_samples)));
}

void FitParetoPage::refreshLimit() {
    const bool isRom = m_byteAxis->currentData().toInt() == static_cast<int>(plots::ByteAxis::Rom);
    m_plot->setLimit(isRom ? m_limits.romBytes : m_limits.ramBytes);
}

void FitParetoPage::takePoint(qint64 id) {
    if (id < 0 || id >= static_cast<qint64>(m_front.size())) {
        return;  // a run of the log: its configuration is opened from the list of runs
    }
    m_chosen = m_front[static_cast<std::size_t>(id)];
    m_queue->setEnabled(true);
    m_plot->setSelection({id});
    Q_EMIT pointChosen();
}

void FitParetoPage::forgetPoint() {
    m_chosen.reset();
    m_queue->setEnabled(false);
    if (m_plot != nullptr) {
        m_plot->setSelection({});
    }
}

}  // namespace bitlathe::ui
