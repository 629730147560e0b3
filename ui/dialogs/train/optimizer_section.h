#pragma once

#include <string>

#include "ui/dialogs/train/train_section.h"

class QLabel;
class QPushButton;
class QTableView;
class QToolButton;

namespace bitlathe::ui {

class MethodEditor;
class NumberBox;
class ParameterRuleModel;

/// Optimizer, weight decay, gradient clipping, and the rules that give some parameters their own rate and decay, with
/// the guideline that every parameter should decay as a check.
class OptimizerSection final : public TrainSection {
    Q_OBJECT

public:
    explicit OptimizerSection(QWidget* parent = nullptr);

    void load(const TrainingRequest& request) override;
    void store(TrainingRequest& request) const override;
    QString summary() const override;

    ParameterRuleModel* rules() const noexcept { return m_rules; }
    QPushButton* decayEverythingButton() const noexcept { return m_decayEverything; }

private:
    QWidget* newRuleArea();
    void addRule(core::ParameterRule rule);
    void decayEverything();
    void refreshGuideline();

    bool m_isQuantized = true;
    MethodEditor* m_optimizer = nullptr;
    NumberBox* m_weightDecay = nullptr;
    NumberBox* m_clip = nullptr;
    ParameterRuleModel* m_rules = nullptr;
    QTableView* m_table = nullptr;
    QToolButton* m_remove = nullptr;
    QLabel* m_complaint = nullptr;
    QLabel* m_guideline = nullptr;
    QPushButton* m_decayEverything = nullptr;
};

}  // namespace bitlathe::ui
