#include "ui/dialogs/train/quantization_section.h"

#include "ui/dialogs/train/optional_epoch.h"
#include "ui/panels/number_box.h"

#include <QComboBox>
#include <QFormLayout>
#include <QLabel>
#include <QSignalBlocker>

namespace bitlathe::ui {

namespace {

constexpr double kMostEpochs = 100'000;

std::optional<double> times(std::optional<double> epoch, double factor) {
    return epoch ? std::optional(*epoch * factor) : std::nullopt;
}

}  // namespace

QuantizationSection::QuantizationSection(QWidget* parent) : TrainSection(parent) {
    m_batchNorm = new QComboBox(this);
    m_batchNorm->setObjectName(QStringLiteral("batchNormTraining"));
    const std::tuple<core::BatchNormTraining, QString, QString> modes[] = {
        {core::BatchNormTraining::ScaledWeights, tr("Scaled weights, divided out again"),
         tr("One convolution a step: weights scaled by the running statistics, then the batch's own "
            "normalisation (Krishnamoorthi 2018, as torch.ao)")},
        {core::BatchNormTraining::RunningMerge, tr("Merged with running statistics"),
         tr("On the fly in every step, with a second convolution for the gradient, as edgeai-torchvision "
            "does")},
        {core::BatchNormTraining::DelayedFold, tr("Folded after a while"),
         tr("Unfolded weights and a live batch norm, then frozen and folded: folding_weights with "
            "batch_fold_delay, "
            "Rusci et al. 2019")},
        {core::BatchNormTraining::BatchFold, tr("Folded with the batch's statistics"),
         tr("Two convolutions a step, arXiv 1712.05877 section 3.2")}};
    for (const auto& [mode, text, hint] : modes) {
        m_batchNorm->addItem(text, static_cast<int>(mode));
        m_batchNorm->setItemData(m_batchNorm->count() - 1, hint, Qt::ToolTipRole);
    }
    m_batchNorm->setToolTip(
        tr("Of layers whose batch norm is “folded” in the layer's configuration. Layers set to “ICN”, "
           "“fake batch norm” or “not folded” train theirs as it stands."));
    m_foldDelay = new NumberBox(0, kMostEpochs, 1, this);
    m_foldDelay->setSuffix(tr(" epochs"));
    m_freezeBatchNorm = new OptionalEpoch(tr("Freeze batch norm"), this);
    m_freezeRanges = new OptionalEpoch(tr("Freeze ranges"), this);
    m_activationsFrom = new NumberBox(0, kMostEpochs, 0, this);
    m_activationsFrom->setSuffix(tr(" epochs"));
    m_activationsFrom->setSpecialValueText(tr("from the start"));
    m_activationsFrom->setToolTip(tr("Outputs stay float before, so that their ranges settle first"));
    m_form = newForm();
    m_form->addRow(tr("Batch &norm"), m_batchNorm);
    m_form->addRow(tr("Fold &after"), m_foldDelay);
    m_form->addRow(tr("Freeze batch norm"), m_freezeBatchNorm);
    m_form->addRow(tr("Freeze ranges"), m_freezeRanges);
    m_form->addRow(tr("&Quantize outputs after"), m_activationsFrom);
    setLayout(m_form);
    connect(m_batchNorm, &QComboBox::activated, this, [this] {
        refreshFoldDelay();
        Q_EMIT edited();
    });
    for (NumberBox* const box : {m_foldDelay, m_activationsFrom}) {
        connect(box, &QDoubleSpinBox::valueChanged, this, &QuantizationSection::edited);
    }
    for (OptionalEpoch* const epoch : {m_freezeBatchNorm, m_freezeRanges}) {
        connect(epoch, &OptionalEpoch::edited, this, &QuantizationSection::edited);
    }
    refreshFoldDelay();
}

void QuantizationSection::refreshFoldDelay() {
    const bool isDelayed =
        m_batchNorm->currentData().toInt() == static_cast<int>(core::BatchNormTraining::DelayedFold);
    m_foldDelay->setVisible(isDelayed);
    m_form->labelForField(m_foldDelay)->setVisible(isDelayed);
}

void QuantizationSection::load(const TrainingRequest& request) {
    const QSignalBlocker blocker(this);
    const core::QatOptions& options = request.quantized.quantization;
    m_batchNorm->setCurrentIndex(m_batchNorm->findData(static_cast<int>(options.batchNorm)));
    m_foldDelay->setValue(options.foldDelayEpochs);
    m_freezeBatchNorm->setEpoch(options.freezeBatchNormAtEpoch);
    m_freezeRanges->setEpoch(options.freezeRangesAtEpoch);
    m_activationsFrom->setValue(options.quantizeActivationsFromEpoch);
    refreshFoldDelay();
}

void QuantizationSection::store(TrainingRequest& request) const {
    core::QatOptions& options = request.quantized.quantization;
    options.batchNorm = static_cast<core::BatchNormTraining>(m_batchNorm->currentData().toInt());
    options.foldDelayEpochs = m_foldDelay->value();
    options.freezeBatchNormAtEpoch = m_freezeBatchNorm->epoch();
    options.freezeRangesAtEpoch = m_freezeRanges->epoch();
    options.quantizeActivationsFromEpoch = m_activationsFrom->value();
}

void QuantizationSection::stretch(double factor) {
    const QSignalBlocker blocker(this);
    m_freezeBatchNorm->setEpoch(times(m_freezeBatchNorm->epoch(), factor));
    m_freezeRanges->setEpoch(times(m_freezeRanges->epoch(), factor));
}

QString QuantizationSection::summary() const {
    QStringList parts{tr("batch norm %1").arg(m_batchNorm->currentText().toLower())};
    if (const auto epoch = m_freezeBatchNorm->epoch()) {
        parts += tr("frozen at %1").arg(*epoch);
    }
    if (const auto epoch = m_freezeRanges->epoch()) {
        parts += tr("ranges frozen at %1").arg(*epoch);
    }
    return parts.join(QStringLiteral(" · "));
}

}  // namespace bitlathe::ui
