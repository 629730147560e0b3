#pragma once

#include <string>

#include "ui/document/trained_runs.h"
#include "ui/document/training_request.h"

#include <QDialog>

#include <vector>

class QCheckBox;
class QComboBox;
class QFormLayout;
class QLabel;
class QLineEdit;
class QPushButton;
class QRadioButton;
class QScrollArea;
class QSpinBox;

namespace bitlathe::ui {

class FoldedSection;
class MethodEditor;
class NumberBox;
class QuantizationSection;
class TrainSection;

/// What a training needs to be told. What is changed most stands open: which model, epochs, batch, rate and schedule,
/// augmentation; optimizer and rules, quantization, loss and execution are folded, with their choices said in a line.
/// Editors of methods are made from their parameter specs. Starting is not undoable; the dialog changes nothing.
class TrainDialog final : public QDialog {
    Q_OBJECT

public:
    struct Offer {
        TrainingRequest request;       ///< what to begin with
        QString configuration;         ///< name of the configuration quantized training trains
        QString quantizedProblem;      ///< why that one cannot be trained; empty when it can
        std::vector<TrainedRun> runs;  ///< to start from
        std::int64_t documentRun = 0;  ///< run the document's model comes from; 0: a file
    };

    explicit TrainDialog(Offer offer, QWidget* parent = nullptr);

    TrainingRequest request() const;
    /// Why it cannot start; empty when it can.
    QString problem() const;

    FoldedSection* fold(int index) const { return m_folds[static_cast<std::size_t>(index)].fold; }

Q_SIGNALS:
    /// Write the recipe that starting would run.
    void saveRecipeRequested();

private:
    struct Fold {
        FoldedSection* fold;
        TrainSection* section;
    };

    QFormLayout* newCommonForm();
    QWidget* newKindRow();
    QWidget* newAugmentationRow();
    void addFold(const QString& title, TrainSection* section);
    void setQuantized(bool isQuantized);
    void changeEpochs(int epochs);
    void load();
    void storeCommon(TrainingRequest& request) const;
    QString milestonesProblem() const;
    void refresh();
    void fitHeight();

    Offer m_offer;
    TrainingRequest m_request;
    QRadioButton* m_quantized = nullptr;
    QRadioButton* m_floating = nullptr;
    QComboBox* m_start = nullptr;
    QSpinBox* m_epochs = nullptr;
    QSpinBox* m_batchSize = nullptr;
    NumberBox* m_learningRate = nullptr;
    MethodEditor* m_schedule = nullptr;
    QLineEdit* m_milestones = nullptr;
    QLabel* m_milestonesLabel = nullptr;
    NumberBox* m_warmUp = nullptr;
    QCheckBox* m_flip = nullptr;
    QSpinBox* m_shift = nullptr;
    std::vector<Fold> m_folds;
    QuantizationSection* m_quantization = nullptr;
    QScrollArea* m_scroll = nullptr;
    QLabel* m_problem = nullptr;
    QPushButton* m_startButton = nullptr;
    QPushButton* m_saveButton = nullptr;
};

}  // namespace bitlathe::ui
