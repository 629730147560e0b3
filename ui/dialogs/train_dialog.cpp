#include "ui/dialogs/train_dialog.h"

#include "core/train/learning_rate_schedule.h"
#include "core/types/error.h"
#include "ui/dialogs/train/execution_section.h"
#include "ui/dialogs/train/loss_section.h"
#include "ui/dialogs/train/optimizer_section.h"
#include "ui/dialogs/train/quantization_section.h"
#include "ui/panels/folded_section.h"
#include "ui/panels/method_editor.h"
#include "ui/panels/number_box.h"

#include <QCheckBox>
#include <QComboBox>
#include <QDialogButtonBox>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QRadioButton>
#include <QScreen>
#include <QScrollArea>
#include <QSignalBlocker>
#include <QSpinBox>
#include <QTimer>
#include <QVBoxLayout>

namespace bitlathe::ui {

namespace {

constexpr int kWidth = 560;
constexpr int kMargin = 18;
/// Of the screen's height that the dialog may take.
constexpr double kScreenShare = 0.85;

QSpinBox* newWhole(int least, int most, QWidget* parent) {
    auto* const box = new QSpinBox(parent);
    box->setRange(least, most);
    box->setFocusPolicy(Qt::StrongFocus);
    return box;
}

/// "0.6, 0.85"; empty where a part is no number.
std::optional<std::vector<double>> milestonesOf(const QString& text) {
    std::vector<double> milestones;
    for (const QString& part : text.split(QLatin1Char(','), Qt::SkipEmptyParts)) {
        bool isNumber = false;
        milestones.push_back(part.trimmed().toDouble(&isNumber));
        if (!isNumber) {
            return std::nullopt;
        }
    }
    return milestones;
}

QString milestonesText(const std::vector<double>& milestones) {
    QStringList parts;
    for (const double milestone : milestones) {
        parts += QString::number(milestone, 'g', 7);
    }
    return parts.join(QStringLiteral(", "));
}

bool hasMilestones(const std::string& schedule) {
    return schedule == "multistep" || schedule == "polynomial" || schedule == "cosine";
}

}  // namespace

TrainDialog::TrainDialog(Offer offer, QWidget* parent)
    : QDialog(parent), m_offer(std::move(offer)), m_request(m_offer.request) {
    setWindowTitle(tr("Train"));
    setObjectName(QStringLiteral("trainDialog"));
    auto* const content = new QWidget(this);
    auto* const inside = new QVBoxLayout(content);
    inside->setContentsMargins(kMargin, kMargin, kMargin, 4);
    inside->setSpacing(10);
    inside->addLayout(newCommonForm());
    m_scroll = new QScrollArea(this);
    m_scroll->setWidget(content);
    m_scroll->setWidgetResizable(true);
    m_scroll->viewport()->setAutoFillBackground(false);
    content->setAutoFillBackground(false);  // setWidget() turned it on: the dialog's own colour shall show
    m_scroll->setFrameShape(QFrame::NoFrame);
    m_scroll->setFocusPolicy(Qt::NoFocus);
    m_scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    // Sections begin without a parent, so that the Tab key comes to the title of a fold before what is in it.
    m_quantization = new QuantizationSection(nullptr);
    addFold(tr("Quantization"), m_quantization);
    addFold(tr("Optimizer and decay"), new OptimizerSection(nullptr));
    addFold(tr("Loss"), new LossSection(nullptr));
    addFold(tr("Execution"), new ExecutionSection(nullptr));
    inside->addStretch();

    m_problem = new QLabel(this);
    m_problem->setWordWrap(true);
    m_problem->setProperty("role", QStringLiteral("attention"));
    auto* const buttons = new QDialogButtonBox(this);
    m_startButton = buttons->addButton(tr("Start training"), QDialogButtonBox::AcceptRole);
    m_startButton->setDefault(true);
    m_startButton->setObjectName(QStringLiteral("startTraining"));
    m_saveButton = buttons->addButton(tr("Save recipe…"), QDialogButtonBox::ActionRole);
    m_saveButton->setAutoDefault(false);
    m_saveButton->setToolTip(tr("Write what Start would run, for bitlathe-cli run"));
    buttons->addButton(QDialogButtonBox::Cancel);
    connect(m_saveButton, &QPushButton::clicked, this, &TrainDialog::saveRecipeRequested);
    connect(buttons, &QDialogButtonBox::accepted, this, &QDialog::accept);
    connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    auto* const foot = new QVBoxLayout;
    foot->setContentsMargins(kMargin, 0, kMargin, 14);
    foot->setSpacing(10);
    foot->addWidget(m_problem);
    foot->addWidget(buttons);
    auto* const column = new QVBoxLayout(this);
    column->setContentsMargins({});
    column->addWidget(m_scroll, 1);
    column->addLayout(foot);

    load();
    resize(kWidth, height());
    QTimer::singleShot(0, this, &TrainDialog::fitHeight);
}

QWidget* TrainDialog::newKindRow() {
    auto* const row = new QWidget(this);
    m_quantized = new QRadioButton(tr("quantized: %1").arg(m_offer.configuration), row);
    m_quantized->setObjectName(QStringLiteral("trainQuantized"));
    m_quantized->setToolTip(tr("The active configuration, its quantizers in the loop (QAT)"));
    m_floating = new QRadioButton(tr("float"), row);
    m_floating->setObjectName(QStringLiteral("trainFloat"));
    m_floating->setToolTip(tr("The model without quantization"));
    auto* const layout = new QHBoxLayout(row);
    layout->setContentsMargins({});
    layout->setSpacing(18);
    layout->addWidget(m_quantized);
    layout->addWidget(m_floating);
    layout->addStretch();
    connect(m_quantized, &QRadioButton::toggled, this, &TrainDialog::setQuantized);
    return row;
}

QWidget* TrainDialog::newAugmentationRow() {
    auto* const row = new QWidget(this);
    m_flip = new QCheckBox(tr("mirror"), row);
    m_flip->setToolTip(tr("Mirror every other image left to right"));
    m_shift = newWhole(0, 1024, row);
    m_shift->setAccessibleName(tr("Shift"));
    m_shift->setPrefix(tr("shift up to "));
    m_shift->setSuffix(tr(" px"));
    m_shift->setSpecialValueText(tr("no shift"));
    m_shift->setToolTip(tr("Crop at a random place: each image is moved by so many pixels at most"));
    auto* const layout = new QHBoxLayout(row);
    layout->setContentsMargins({});
    layout->setSpacing(18);
    layout->addWidget(m_flip);
    layout->addWidget(m_shift, 1);
    connect(m_flip, &QCheckBox::toggled, this, &TrainDialog::refresh);
    connect(m_shift, &QSpinBox::valueChanged, this, &TrainDialog::refresh);
    return row;
}

QFormLayout* TrainDialog::newCommonForm() {
    QWidget* const kind = newKindRow();  // first: the Tab key follows the order of making
    m_start = new QComboBox(this);
    m_start->setObjectName(QStringLiteral("startFrom"));
    m_start->addItem(m_offer.documentRun > 0 ? tr("the open model, of run %1").arg(m_offer.documentRun)
                                             : tr("the open model"),
                     QVariant::fromValue<qlonglong>(m_offer.documentRun));
    for (const TrainedRun& run : m_offer.runs) {
        if (run.id != m_offer.documentRun) {
            m_start->addItem(tr("run %1").arg(run.title), QVariant::fromValue<qlonglong>(run.id));
        }
    }
    m_start->setToolTip(
        tr("A run of the log gives its trained weights and the ranges it learned, with fewer bits, too"));
    m_epochs = newWhole(1, 100'000, this);
    m_epochs->setObjectName(QStringLiteral("epochs"));
    m_batchSize = newWhole(1, 65'536, this);
    m_learningRate = new NumberBox(1e-9, 1000, 0.01, this);
    m_learningRate->setToolTip(tr("The schedule's highest"));
    m_schedule = new MethodEditor(tr("Schedule"), core::scheduleMethods(), this);
    m_milestones = new QLineEdit(this);
    m_milestones->setObjectName(QStringLiteral("milestones"));
    m_milestones->setPlaceholderText(tr("none"));
    m_milestones->setToolTip(
        tr("Epochs with commas between, ascending: 0.6, 0.85. A multistep schedule falls there, a "
           "polynomial or cosine one starts anew"));
    m_warmUp = new NumberBox(0, 1000, 0, this);
    m_warmUp->setSuffix(tr(" epochs"));
    m_warmUp->setSpecialValueText(tr("none"));
    m_warmUp->setToolTip(tr("A linear rise in front of the schedule"));

    auto* const form = new QFormLayout;
    form->setSpacing(8);
    form->setFieldGrowthPolicy(QFormLayout::AllNonFixedFieldsGrow);
    form->addRow(tr("Train"), kind);
    form->addRow(tr("Start &from"), m_start);
    form->addRow(tr("&Epochs"), m_epochs);
    form->addRow(tr("&Batch size"), m_batchSize);
    form->addRow(tr("&Learning rate"), m_learningRate);
    form->addRow(tr("S&chedule"), m_schedule);
    form->addRow(tr("M&ilestones"), m_milestones);
    m_milestonesLabel = qobject_cast<QLabel*>(form->labelForField(m_milestones));
    form->addRow(tr("Warm-&up"), m_warmUp);
    form->addRow(tr("Augmentation"), newAugmentationRow());
    connect(m_start, &QComboBox::activated, this, &TrainDialog::refresh);
    connect(m_epochs, &QSpinBox::valueChanged, this, &TrainDialog::changeEpochs);
    connect(m_batchSize, &QSpinBox::valueChanged, this, &TrainDialog::refresh);
    for (NumberBox* const box : {m_learningRate, m_warmUp}) {
        connect(box, &QDoubleSpinBox::valueChanged, this, &TrainDialog::refresh);
    }
    connect(m_schedule, &MethodEditor::specEdited, this, &TrainDialog::refresh);
    connect(m_milestones, &QLineEdit::textChanged, this, &TrainDialog::refresh);
    return form;
}

void TrainDialog::addFold(const QString& title, TrainSection* section) {
    auto* const fold = new FoldedSection(title, section, this);
    m_scroll->widget()->layout()->addWidget(fold);
    m_folds.push_back({fold, section});
    connect(section, &TrainSection::edited, this, &TrainDialog::refresh);
    connect(fold, &FoldedSection::toggled, this,
            [this] { QTimer::singleShot(0, this, &TrainDialog::fitHeight); });
}

void TrainDialog::setQuantized(bool isQuantized) {
    if (isQuantized == m_request.isQuantized) {
        return;
    }
    m_request = request();
    m_request.isQuantized = isQuantized;
    load();
}

/// Milestones and freezes are shares of the training to a person: they move with its length.
void TrainDialog::changeEpochs(int epochs) {
    const double factor = static_cast<double>(epochs) / static_cast<double>(m_request.options().epochs);
    m_request.options().epochs = epochs;
    if (auto milestones = milestonesOf(m_milestones->text())) {
        for (double& milestone : *milestones) {
            milestone *= factor;
        }
        const QSignalBlocker blocker(m_milestones);
        m_milestones->setText(milestonesText(*milestones));
    }
    if (m_request.isQuantized) {
        m_quantization->stretch(factor);
    }
    refresh();
}

void TrainDialog::load() {
    const core::TrainOptions& options = m_request.options();
    {
        const QSignalBlocker kind(m_quantized);
        const QSignalBlocker epochs(m_epochs);
        const QSignalBlocker batch(m_batchSize);
        const QSignalBlocker rate(m_learningRate);
        const QSignalBlocker milestones(m_milestones);
        const QSignalBlocker warmUp(m_warmUp);
        const QSignalBlocker flip(m_flip);
        const QSignalBlocker shift(m_shift);
        (m_request.isQuantized ? m_quantized : m_floating)->setChecked(true);
        const int start = m_start->findData(QVariant::fromValue<qlonglong>(m_request.startRun));
        m_start->setCurrentIndex(std::max(0, start));
        m_epochs->setValue(static_cast<int>(options.epochs));
        m_batchSize->setValue(static_cast<int>(options.batchSize));
        m_learningRate->setValue(options.learningRate);
        m_schedule->setSpec(options.schedule.method);
        m_milestones->setText(milestonesText(options.schedule.milestones));
        m_warmUp->setValue(options.schedule.warmUpEpochs);
        m_flip->setChecked(options.augmentation.horizontalFlip);
        m_shift->setValue(options.augmentation.shift);
    }
    for (const Fold& fold : m_folds) {
        fold.section->load(m_request);
    }
    m_folds.front().fold->setVisible(m_request.isQuantized);
    refresh();
}

void TrainDialog::storeCommon(TrainingRequest& request) const {
    core::TrainOptions& options = request.options();
    request.startRun = m_start->currentData().toLongLong();
    options.epochs = m_epochs->value();
    options.batchSize = m_batchSize->value();
    options.learningRate = m_learningRate->value();
    options.schedule.method = m_schedule->spec();
    options.schedule.milestones = hasMilestones(m_schedule->spec().name)
                                      ? milestonesOf(m_milestones->text()).value_or(std::vector<double>())
                                      : std::vector<double>();
    options.schedule.warmUpEpochs = m_warmUp->value();
    options.augmentation.horizontalFlip = m_flip->isChecked();
    options.augmentation.shift = m_shift->value();
}

TrainingRequest TrainDialog::request() const {
    TrainingRequest request = m_request;
    storeCommon(request);
    for (const Fold& fold : m_folds) {
        fold.section->store(request);
    }
    return request;
}

QString TrainDialog::milestonesProblem() const {
    const std::string schedule = m_schedule->spec().name;
    if (hasMilestones(schedule) && !milestonesOf(m_milestones->text())) {
        return tr("Milestones are epochs with commas between, as in 0.6, 0.85.");
    }
    return {};
}

QString TrainDialog::problem() const {
    if (m_request.isQuantized && !m_offer.quantizedProblem.isEmpty()) {
        return m_offer.quantizedProblem;
    }
    if (const QString text = milestonesProblem(); !text.isEmpty()) {
        return text;
    }
    const TrainingRequest request = this->request();
    if (request.workers > 1 && request.startRun > 0) {
        return tr("Several workers each read the model from its file; a run of the log is not known to them. "
                  "Start from "
                  "the open model, or with one worker.");
    }
    try {
        const core::TrainOptions& options = request.options();
        core::validateTrainOptions(options);
        core::makeSchedule(options.schedule, options.learningRate, {options.epochs, 1});
    } catch (const core::Error& error) {
        return QString::fromUtf8(error.what());
    }
    return {};
}

void TrainDialog::refresh() {
    const bool isShown = hasMilestones(m_schedule->spec().name);
    m_milestones->setVisible(isShown);
    m_milestonesLabel->setVisible(isShown);
    m_milestonesLabel->setText(m_schedule->spec().name == "multistep" ? tr("M&ilestones")
                                                                      : tr("Restart &at"));
    for (const Fold& fold : m_folds) {
        fold.fold->setSummary(fold.section->summary());
    }
    m_problem->setText(problem());
    m_problem->setVisible(!m_problem->text().isEmpty());
    m_startButton->setEnabled(m_problem->text().isEmpty());
    m_saveButton->setEnabled(m_problem->text().isEmpty());
}

/// As tall as what is unfolded, as far as the screen goes.
void TrainDialog::fitHeight() {
    QWidget* const content = m_scroll->widget();
    const int wanted = content->sizeHint().height() + height() - m_scroll->height();
    const int room = static_cast<int>(kScreenShare * screen()->availableGeometry().height());
    resize(std::max(width(), kWidth), std::min(wanted, room));
}

}  // namespace bitlathe::ui
