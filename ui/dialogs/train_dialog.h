#pragma once

#include <string>

#include "experiments/recipes/recipe.h"

#include <QDialog>

class QCheckBox;
class QComboBox;
class QDoubleSpinBox;
class QLabel;
class QLineEdit;
class QPushButton;
class QSpinBox;

namespace bitlathe::ui {

class MethodEditor;

/// What a training needs to be told: epochs, batches, optimizer and schedule (with editors made from their parameter
/// specs), regularisation, augmentation, and where the trained model goes. Starting is not undoable; the dialog
/// changes nothing.
class TrainDialog final : public QDialog {
    Q_OBJECT

public:
    /// stage  what to begin with: the recipe's own, or the defaults
    TrainDialog(const experiments::TrainStage& stage, QWidget* parent = nullptr);

    experiments::TrainStage stage() const;
    /// Why it cannot start; empty when it can.
    QString problem() const;

private:
    void refresh();

    experiments::TrainStage m_stage;
    QSpinBox* m_epochs = nullptr;
    QSpinBox* m_batchSize = nullptr;
    QDoubleSpinBox* m_learningRate = nullptr;
    MethodEditor* m_optimizer = nullptr;
    MethodEditor* m_schedule = nullptr;
    QDoubleSpinBox* m_warmUp = nullptr;
    QDoubleSpinBox* m_weightDecay = nullptr;
    QDoubleSpinBox* m_labelSmoothing = nullptr;
    QCheckBox* m_flip = nullptr;
    QSpinBox* m_shift = nullptr;
    QComboBox* m_keep = nullptr;
    QLineEdit* m_output = nullptr;
    QLabel* m_problem = nullptr;
    QPushButton* m_start = nullptr;
};

}  // namespace bitlathe::ui
