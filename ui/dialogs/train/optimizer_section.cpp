#include "ui/dialogs/train/optimizer_section.h"

#include "ui/models/parameter_rule_model.h"
#include "ui/panels/method_editor.h"
#include "ui/panels/number_box.h"
#include "ui/panels/panel_parts.h"

#include <QAction>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QMenu>
#include <QPushButton>
#include <QSignalBlocker>
#include <QTableView>
#include <QToolButton>
#include <QVBoxLayout>

namespace bitlathe::ui {

namespace {

constexpr double kGuidelineDecay = 1e-4;
constexpr int kRuleTableHeight = 112;
constexpr std::int64_t kSmallTensor = 64;

core::ParameterRule ruleFor(std::vector<core::ParameterKind> kinds) {
    core::ParameterRule rule;
    rule.kinds = std::move(kinds);
    return rule;
}

}  // namespace

OptimizerSection::OptimizerSection(QWidget* parent) : TrainSection(parent) {
    m_optimizer = new MethodEditor(tr("Optimizer"), core::optimizerMethods(), this);
    m_weightDecay = new NumberBox(0, 1, 0, this);
    m_weightDecay->setToolTip(
        tr("Of the weights of convolutions and linear layers; rules give others theirs"));
    m_clip = new NumberBox(0, 1e9, 0, this);
    m_clip->setSpecialValueText(tr("off"));
    m_clip->setToolTip(tr("Largest norm of all gradients together; 0 for none"));
    QFormLayout* const form = newForm();
    form->addRow(tr("&Optimizer"), m_optimizer);
    form->addRow(tr("&Weight decay"), m_weightDecay);
    form->addRow(tr("Clip &gradients"), m_clip);
    form->addRow(newRuleArea());
    setLayout(form);

    connect(m_optimizer, &MethodEditor::specEdited, this, &OptimizerSection::edited);
    connect(m_clip, &QDoubleSpinBox::valueChanged, this, &OptimizerSection::edited);
    connect(m_weightDecay, &QDoubleSpinBox::valueChanged, this, &OptimizerSection::edited);
    connect(m_rules, &ParameterRuleModel::edited, this, &OptimizerSection::edited);
    connect(this, &TrainSection::edited, this, &OptimizerSection::refreshGuideline);
}

QWidget* OptimizerSection::newRuleArea() {
    auto* const area = new QWidget(this);
    m_rules = new ParameterRuleModel(this);
    m_table = newPanelTable(tr("Rules for some parameters"), area);
    m_table->setModel(m_rules);
    m_table->setEditTriggers(QAbstractItemView::DoubleClicked | QAbstractItemView::EditKeyPressed |
                             QAbstractItemView::AnyKeyPressed);
    m_table->setSelectionBehavior(QAbstractItemView::SelectItems);
    m_table->setSelectionMode(QAbstractItemView::SingleSelection);
    m_table->setMinimumHeight(kRuleTableHeight);
    m_table->horizontalHeader()->setSectionResizeMode(QHeaderView::Stretch);
    m_complaint = new QLabel(area);
    m_complaint->setProperty("role", QStringLiteral("attention"));
    m_complaint->setWordWrap(true);
    m_complaint->hide();
    connect(m_rules, &ParameterRuleModel::refused, this, [this](const QString& text) {
        m_complaint->setText(text);
        m_complaint->show();
    });
    connect(m_rules, &ParameterRuleModel::edited, m_complaint, &QWidget::hide);

    auto* const menu = new QMenu(this);
    const auto offer = [&](const QString& text, const core::ParameterRule& rule) {
        connect(menu->addAction(text), &QAction::triggered, this, [this, rule] { addRule(rule); });
    };
    core::ParameterRule ranges = ruleFor({core::ParameterKind::Range});
    ranges.learningRateFactor = 1;
    offer(tr("Learned ranges"), ranges);
    core::ParameterRule norms = ruleFor({core::ParameterKind::BatchNorm});
    norms.weightDecay = kGuidelineDecay;
    offer(tr("Batch norm"), norms);
    core::ParameterRule depthwise = ruleFor({core::ParameterKind::DepthwiseConv});
    depthwise.weightDecay = 0;
    offer(tr("Depthwise convolutions"), depthwise);
    core::ParameterRule small;
    small.maxElements = kSmallTensor;
    small.weightDecay = 0;
    offer(tr("Small tensors"), small);
    core::ParameterRule named;
    named.name = "classifier.*";
    named.learningRateFactor = 1;
    offer(tr("Layers by name"), named);
    QToolButton* const addButton =
        newToolButton(tr("Add rule"), tr("Give some parameters their own rate or decay"), area);
    addButton->setPopupMode(QToolButton::InstantPopup);
    addButton->setMenu(menu);
    m_remove = newToolButton(tr("Remove"), tr("Remove the rule of this row"), area);
    connect(m_remove, &QToolButton::clicked, this,
            [this] { m_rules->remove(m_table->currentIndex().row()); });
    QLabel* const caption = newCaption(area);
    caption->setText(tr("Rules, later ones win; double-click to edit"));
    auto* const tools = new QHBoxLayout;
    tools->addWidget(caption, 1);
    tools->addWidget(addButton);
    tools->addWidget(m_remove);

    m_guideline = newCaption(area);
    m_guideline->setWordWrap(true);
    m_decayEverything = new QPushButton(tr("Decay everything"), area);
    m_decayEverything->setAutoDefault(false);
    m_decayEverything->setToolTip(tr("The guideline of edgeai-torchvision: every parameter decays, by about "
                                     "1e-4, which keeps ranges narrow"));
    connect(m_decayEverything, &QPushButton::clicked, this, &OptimizerSection::decayEverything);
    auto* const guideline = new QHBoxLayout;
    guideline->addWidget(m_guideline, 1);
    guideline->addWidget(m_decayEverything);

    auto* const column = new QVBoxLayout(area);
    column->setContentsMargins({});
    column->setSpacing(6);
    column->addLayout(tools);
    column->addWidget(m_table);
    column->addWidget(m_complaint);
    column->addLayout(guideline);
    return area;
}

void OptimizerSection::addRule(core::ParameterRule rule) {
    m_rules->add(std::move(rule));
    m_table->setCurrentIndex(m_rules->index(m_rules->rowCount() - 1, ParameterRuleModel::Kinds));
    m_table->setFocus();
}

void OptimizerSection::decayEverything() {
    if (m_weightDecay->value() < kGuidelineDecay) {
        m_weightDecay->setValue(kGuidelineDecay);
    }
    core::ParameterRule rule =
        ruleFor({core::ParameterKind::Conv, core::ParameterKind::DepthwiseConv, core::ParameterKind::Linear,
                 core::ParameterKind::Bias, core::ParameterKind::BatchNorm});
    rule.weightDecay = m_weightDecay->value();
    addRule(std::move(rule));
}

void OptimizerSection::refreshGuideline() {
    TrainingRequest request;
    request.isQuantized = m_isQuantized;
    store(request);
    const std::vector<std::string> findings = core::decayGuidelineFindings(request.options());
    QStringList lines;
    for (const std::string& finding : findings) {
        lines += QString::fromStdString(finding);
    }
    m_guideline->setText(
        findings.empty()
            ? tr("Every parameter decays, as edgeai-torchvision's guideline asks.")
            : tr("Guideline for power-of-two schemes: every parameter decays, by about 1e-4. Not so yet."));
    m_guideline->setToolTip(lines.join(QLatin1Char('\n')));
    m_decayEverything->setVisible(!findings.empty());
}

void OptimizerSection::load(const TrainingRequest& request) {
    const QSignalBlocker blocker(this);
    const core::TrainOptions& options = request.options();
    m_isQuantized = request.isQuantized;
    m_optimizer->setSpec(options.optimizer);
    m_weightDecay->setValue(options.weightDecay);
    m_clip->setValue(options.clipGradientNorm);
    m_rules->setRules(options.rules);
    m_complaint->hide();
    refreshGuideline();
}

void OptimizerSection::store(TrainingRequest& request) const {
    core::TrainOptions& options = request.options();
    options.optimizer = m_optimizer->spec();
    options.weightDecay = m_weightDecay->value();
    options.clipGradientNorm = m_clip->value();
    options.rules = m_rules->rules();
}

QString OptimizerSection::summary() const {
    QStringList parts{QString::fromStdString(m_optimizer->spec().name).toUpper(),
                      tr("decay %1").arg(m_weightDecay->text())};
    if (m_clip->value() > 0) {
        parts += tr("gradients clipped at %1").arg(m_clip->text());
    }
    if (m_rules->rowCount() > 0) {
        parts += m_rules->rowCount() == 1 ? tr("1 rule") : tr("%1 rules").arg(m_rules->rowCount());
    }
    return parts.join(QStringLiteral(" · "));
}

}  // namespace bitlathe::ui
