#include "ui/dialogs/train_dialog.h"

#include "core/train/learning_rate_schedule.h"
#include "core/types/error.h"
#include "ui/panels/method_editor.h"

#include <QCheckBox>
#include <QComboBox>
#include <QDialogButtonBox>
#include <QDoubleSpinBox>
#include <QFileDialog>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QSpinBox>
#include <QStyle>
#include <QVBoxLayout>

namespace bitlathe::ui {

namespace {

constexpr int kColumnWidth = 340;

QSpinBox* newWhole(int least, int most, std::int64_t value, QWidget* parent) {
    auto* const box = new QSpinBox(parent);
    box->setRange(least, most);
    box->setValue(static_cast<int>(value));
    return box;
}

QDoubleSpinBox* newReal(double least, double most, double value, int decimals, QWidget* parent) {
    auto* const box = new QDoubleSpinBox(parent);
    box->setDecimals(decimals);
    box->setRange(least, most);
    box->setStepType(QAbstractSpinBox::AdaptiveDecimalStepType);
    box->setValue(value);
    return box;
}

}  // namespace

TrainDialog::TrainDialog(const experiments::TrainStage& stage, QWidget* parent)
    : QDialog(parent), m_stage(stage) {
    const core::TrainOptions& options = stage.options;
    setWindowTitle(tr("Train"));
    setObjectName(QStringLiteral("trainDialog"));
    m_epochs = newWhole(1, 100'000, options.epochs, this);
    m_batchSize = newWhole(1, 65'536, options.batchSize, this);
    m_learningRate = newReal(1e-9, 1000, options.learningRate, 6, this);
    m_optimizer = new MethodEditor(tr("Optimizer"), core::optimizerMethods(), this);
    m_optimizer->setSpec(options.optimizer);
    m_schedule = new MethodEditor(tr("Schedule"), core::scheduleMethods(), this);
    m_schedule->setSpec(options.schedule.method);
    m_warmUp = newReal(0, 1000, options.schedule.warmUpEpochs, 2, this);
    m_warmUp->setSuffix(tr(" epochs"));
    m_weightDecay = newReal(0, 1, options.weightDecay, 6, this);
    m_labelSmoothing = newReal(0, 0.999, options.labelSmoothing, 3, this);
    m_flip = new QCheckBox(tr("mirror images"), this);
    m_flip->setChecked(options.augmentation.horizontalFlip);
    m_shift = newWhole(0, 1024, options.augmentation.shift, this);
    m_shift->setSuffix(tr(" px"));
    m_keep = new QComboBox(this);
    m_keep->addItem(tr("those of the last epoch"), static_cast<int>(core::KeptWeights::Last));
    m_keep->addItem(tr("those of the best epoch"), static_cast<int>(core::KeptWeights::Best));
    m_keep->setCurrentIndex(m_keep->findData(static_cast<int>(options.keep)));
    m_output = new QLineEdit(QString::fromStdString(stage.output), this);
    m_output->setPlaceholderText(tr("nowhere: the run keeps its figures alone"));
    auto* const browse = new QPushButton(tr("Choose…"), this);
    browse->setAutoDefault(false);
    connect(browse, &QPushButton::clicked, this, [this] {
        const QString path = QFileDialog::getSaveFileName(this, tr("Where the trained model goes"),
                                                          m_output->text(), tr("Models (*.pt)"));
        if (!path.isEmpty()) {
            m_output->setText(path);
        }
    });

    auto* const left = new QFormLayout;
    left->setSpacing(8);
    left->addRow(tr("&Epochs"), m_epochs);
    left->addRow(tr("&Batch size"), m_batchSize);
    left->addRow(tr("&Learning rate"), m_learningRate);
    left->addRow(tr("&Optimizer"), m_optimizer);
    left->addRow(tr("&Schedule"), m_schedule);
    left->addRow(tr("&Warm-up"), m_warmUp);
    auto* const right = new QFormLayout;
    right->setSpacing(8);
    right->addRow(tr("Weight &decay"), m_weightDecay);
    right->addRow(tr("Label s&moothing"), m_labelSmoothing);
    right->addRow(tr("Augmentation"), m_flip);
    right->addRow(tr("S&hift by up to"), m_shift);
    right->addRow(tr("&Keep weights"), m_keep);
    auto* const output = new QHBoxLayout;
    output->addWidget(m_output, 1);
    output->addWidget(browse);
    right->addRow(tr("Save &model"), output);
    auto* const columns = new QHBoxLayout;
    columns->setSpacing(28);
    for (QFormLayout* const form : {left, right}) {
        auto* const side = new QWidget(this);
        side->setMinimumWidth(kColumnWidth);
        side->setLayout(form);
        form->setContentsMargins({});
        columns->addWidget(side, 1, Qt::AlignTop);
    }

    m_problem = new QLabel(this);
    m_problem->setWordWrap(true);
    m_problem->setProperty("role", QStringLiteral("attention"));
    auto* const buttons = new QDialogButtonBox(QDialogButtonBox::Cancel, this);
    m_start = buttons->addButton(tr("Start training"), QDialogButtonBox::AcceptRole);
    m_start->setDefault(true);
    m_start->setObjectName(QStringLiteral("startTraining"));
    connect(buttons, &QDialogButtonBox::accepted, this, &QDialog::accept);
    connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    auto* const column = new QVBoxLayout(this);
    column->setContentsMargins(18, 18, 18, 14);
    column->setSpacing(14);
    column->addLayout(columns, 1);
    column->addWidget(m_problem);
    column->addWidget(buttons);

    for (QSpinBox* const box : {m_epochs, m_batchSize, m_shift}) {
        connect(box, &QSpinBox::valueChanged, this, &TrainDialog::refresh);
    }
    for (QDoubleSpinBox* const box : {m_learningRate, m_warmUp, m_weightDecay, m_labelSmoothing}) {
        connect(box, &QDoubleSpinBox::valueChanged, this, &TrainDialog::refresh);
    }
    for (MethodEditor* const editor : {m_optimizer, m_schedule}) {
        connect(editor, &MethodEditor::specEdited, this, &TrainDialog::refresh);
    }
    refresh();
}

experiments::TrainStage TrainDialog::stage() const {
    experiments::TrainStage stage = m_stage;
    core::TrainOptions& options = stage.options;
    options.epochs = m_epochs->value();
    options.batchSize = m_batchSize->value();
    options.learningRate = m_learningRate->value();
    options.optimizer = m_optimizer->spec();
    options.schedule.method = m_schedule->spec();
    options.schedule.warmUpEpochs = m_warmUp->value();
    options.weightDecay = m_weightDecay->value();
    options.labelSmoothing = m_labelSmoothing->value();
    options.augmentation.horizontalFlip = m_flip->isChecked();
    options.augmentation.shift = m_shift->value();
    options.keep = static_cast<core::KeptWeights>(m_keep->currentData().toInt());
    stage.output = m_output->text().trimmed().toStdString();
    return stage;
}

QString TrainDialog::problem() const {
    try {
        const core::TrainOptions options = stage().options;
        core::validateTrainOptions(options);
        core::makeSchedule(options.schedule, options.learningRate, {options.epochs, 1});
    } catch (const core::Error& error) {
        return QString::fromUtf8(error.what());
    }
    return {};
}

void TrainDialog::refresh() {
    m_problem->setText(problem());
    m_problem->setVisible(!m_problem->text().isEmpty());
    m_start->setEnabled(m_problem->text().isEmpty());
}

}  // namespace bitlathe::ui
