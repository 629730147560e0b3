#include "ui/dialogs/train/execution_section.h"

#include "core/util/cpu_features.h"
#include "ui/panels/number_box.h"

#include <QComboBox>
#include <QFile>
#include <QFileDialog>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QSignalBlocker>
#include <QSpinBox>
#include <QStandardItemModel>

namespace bitlathe::ui {

namespace {

constexpr int kMostWorkers = 64;
constexpr int kUnsaid = -1;  // the box's lowest value, shown as words

/// The driver's own file; LibTorch says the rest when the training starts.
bool hasNvidiaDriver() {
    return QFile::exists(QStringLiteral("/dev/nvidiactl"));
}

}  // namespace

ExecutionSection::ExecutionSection(QWidget* parent) : TrainSection(parent) {
    m_precision = new QComboBox(this);
    m_precision->setObjectName(QStringLiteral("precision"));
    m_precision->addItem(tr("float32"), static_cast<int>(core::Precision::Float32));
    m_precision->addItem(tr("bfloat16 in convolutions and linear layers"),
                         static_cast<int>(core::Precision::BFloat16));
    m_device = new QComboBox(this);
    m_device->addItem(tr("Processor"), QStringLiteral("cpu"));
    m_device->addItem(tr("CUDA GPU"), QStringLiteral("cuda"));
    m_keep = new QComboBox(this);
    m_keep->addItem(tr("those of the last epoch"), static_cast<int>(core::KeptWeights::Last));
    m_keep->addItem(tr("those of the best epoch"), static_cast<int>(core::KeptWeights::Best));
    m_keep->setToolTip(tr("The best is the one with the most correct held-out images"));
    m_samples = new QSpinBox(this);
    m_samples->setRange(0, 1'000'000'000);
    m_samples->setGroupSeparatorShown(true);
    m_samples->setSpecialValueText(tr("all"));
    m_samples->setSuffix(tr(" images"));
    m_validation = new QSpinBox(this);
    m_validation->setObjectName(QStringLiteral("validation_samples"));
    m_validation->setRange(kUnsaid, 1'000'000'000);
    m_validation->setGroupSeparatorShown(true);
    m_validation->setSuffix(tr(" images"));
    m_validation->setToolTip(
        tr("Training images that are not learned from: epochs are compared on them, and the test images are "
           "read once, at the end. With 0 epochs are compared on the test images, and the figure of the best "
           "one flatters"));
    m_checkpoints = new NumberBox(0, 1e6, 10, this);
    m_checkpoints->setSuffix(tr(" minutes"));
    m_checkpoints->setSpecialValueText(tr("at each epoch's end alone"));
    m_checkpoints->setToolTip(
        tr("Between checkpoints inside an epoch. A training that was interrupted goes on from its "
           "newest: Runs panel, Resume training"));
    m_workers = new QSpinBox(this);
    m_workers->setObjectName(QStringLiteral("workers"));
    m_workers->setRange(1, kMostWorkers);
    m_workers->setToolTip(
        tr("Processes that share every step. Each takes a batch of its own, so two workers do what one "
           "does with the doubled batch"));
    m_output = new QLineEdit(this);
    m_output->setAccessibleName(tr("Save model"));
    m_output->setPlaceholderText(tr("with the run, in the log's folder"));
    auto* const browse = new QPushButton(tr("Choose…"), this);
    browse->setAutoDefault(false);
    connect(browse, &QPushButton::clicked, this, [this] {
        const QString path = QFileDialog::getSaveFileName(this, tr("Where the trained model goes"),
                                                          m_output->text(), tr("Models (*.pt)"));
        if (!path.isEmpty()) {
            m_output->setText(path);
        }
    });
    m_outputRow = new QWidget(this);
    auto* const output = new QHBoxLayout(m_outputRow);
    output->setContentsMargins({});
    output->addWidget(m_output, 1);
    output->addWidget(browse);

    m_form = newForm();
    m_form->addRow(tr("&Arithmetic"), m_precision);
    m_form->addRow(tr("Com&pute on"), m_device);
    m_form->addRow(tr("Train &on"), m_samples);
    m_form->addRow(tr("&Hold out"), m_validation);
    m_form->addRow(tr("&Keep weights"), m_keep);
    m_form->addRow(tr("Chec&kpoint every"), m_checkpoints);
    m_form->addRow(tr("&Workers"), m_workers);
    m_form->addRow(tr("Sa&ve model"), m_outputRow);
    qobject_cast<QLabel*>(m_form->labelForField(m_outputRow))->setBuddy(m_output);
    setLayout(m_form);
    for (QComboBox* const box : {m_precision, m_device, m_keep}) {
        connect(box, &QComboBox::activated, this, &ExecutionSection::edited);
    }
    for (QSpinBox* const box : {m_samples, m_validation, m_workers}) {
        connect(box, &QSpinBox::valueChanged, this, &ExecutionSection::edited);
    }
    connect(m_keep, &QComboBox::currentIndexChanged, this, &ExecutionSection::sayWhatIsHeldOut);
    connect(m_checkpoints, &QDoubleSpinBox::valueChanged, this, &ExecutionSection::edited);
    connect(m_output, &QLineEdit::textChanged, this, &ExecutionSection::edited);
}

void ExecutionSection::load(const TrainingRequest& request) {
    const QSignalBlocker blocker(this);
    const core::TrainOptions& options = request.options();
    const bool isBrain = options.precision == core::Precision::BFloat16;
    m_precision->setCurrentIndex(m_precision->findData(static_cast<int>(options.precision)));
    auto* const items = qobject_cast<QStandardItemModel*>(m_precision->model());
    items->item(1)->setEnabled(isBrain || core::hasBFloat16Arithmetic());
    m_precision->setToolTip(core::hasBFloat16Arithmetic()
                                ? tr("Parameters and quantizers stay float32")
                                : tr("This processor has no bfloat16 arithmetic; it would only be slower"));
    m_device->setCurrentIndex(m_device->findData(QString::fromStdString(options.device)));
    const bool hasChoice = hasNvidiaDriver() || options.device != "cpu";
    m_device->setVisible(hasChoice);
    m_form->labelForField(m_device)->setVisible(hasChoice);
    m_keep->setCurrentIndex(m_keep->findData(static_cast<int>(options.keep)));
    m_samples->setValue(static_cast<int>(request.samples()));
    m_validation->setValue(static_cast<int>(options.validationSamples.value_or(kUnsaid)));
    sayWhatIsHeldOut();
    m_checkpoints->setValue(options.checkpointMinutes);
    m_workers->setValue(request.workers);
    m_output->setText(QString::fromStdString(request.floating.output));
    m_outputRow->setVisible(!request.isQuantized);
    m_form->labelForField(m_outputRow)->setVisible(!request.isQuantized);
}

void ExecutionSection::store(TrainingRequest& request) const {
    core::TrainOptions& options = request.options();
    options.precision = static_cast<core::Precision>(m_precision->currentData().toInt());
    options.device = m_device->currentData().toString().toStdString();
    options.keep = static_cast<core::KeptWeights>(m_keep->currentData().toInt());
    options.validationSamples =
        m_validation->value() == kUnsaid ? std::nullopt : std::optional<std::int64_t>(m_validation->value());
    options.checkpointMinutes = m_checkpoints->value();
    request.samples() = m_samples->value();
    request.workers = m_workers->value();
    request.floating.output = m_output->text().trimmed().toStdString();
}

void ExecutionSection::sayWhatIsHeldOut() {
    const bool keepsBest = m_keep->currentData().toInt() == static_cast<int>(core::KeptWeights::Best);
    m_validation->setSpecialValueText(keepsBest ? tr("a tenth") : tr("none"));
}

QString ExecutionSection::summary() const {
    QStringList parts{m_samples->value() == 0 ? tr("all images") : m_samples->text(),
                      m_precision->currentIndex() == 0 ? tr("float32") : tr("bfloat16"),
                      m_keep->currentIndex() == 0 ? tr("last epoch kept") : tr("best epoch kept")};
    if (m_workers->value() > 1) {
        parts += tr("%1 workers").arg(m_workers->value());
    }
    return parts.join(QStringLiteral(" · "));
}

}  // namespace bitlathe::ui
