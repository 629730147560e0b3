#pragma once

#include <string>

#include "core/data/dataset.h"
#include "experiments/recipes/recipe.h"

#include <QDialog>

class QComboBox;
class QLineEdit;
class QSpinBox;

namespace bitlathe::ui {

/// "fashion_mnist" -> "Fashion-MNIST".
QString datasetTitle(const QString& name);

/// Which images calibrate and evaluate, and how many calibrate.
class DataDialog final : public QDialog {
    Q_OBJECT

public:
    DataDialog(const core::DataSpec& data, const experiments::CalibrateStage& calibration,
               QWidget* parent = nullptr);

    core::DataSpec data() const;
    experiments::CalibrateStage calibration() const;

private:
    core::DataSpec m_data;
    experiments::CalibrateStage m_calibration;
    QComboBox* m_dataset = nullptr;
    QLineEdit* m_root = nullptr;
    QSpinBox* m_pad = nullptr;
    QComboBox* m_split = nullptr;
    QSpinBox* m_samples = nullptr;
};

}  // namespace bitlathe::ui
