#pragma once

#include <string>

#include "ui/models/compare_model.h"

#include <QWidget>

#include <memory>
#include <vector>

class QCheckBox;
class QComboBox;
class QDoubleSpinBox;
class QLabel;
class QStackedWidget;
class QSplitter;
class QTableView;
class QTabWidget;
class QToolButton;

namespace bitlathe::plots {
class CompareBarsPlot;
class SeriesPlot;
}  // namespace bitlathe::plots

namespace bitlathe::ui {

/// Two or more runs side by side: accuracy, bits and bytes at the left, what their layers were given and what
/// came of it at the right. Differences first; what is equal is hidden until asked for.
class ComparePanel final : public QWidget {
    Q_OBJECT

public:
    explicit ComparePanel(QWidget* parent = nullptr);

    /// A connection of the GUI thread. Null: no log; clears the comparison.
    void setLog(std::shared_ptr<experiments::ExperimentLog> log);
    const std::vector<experiments::RunId>& runs() const noexcept { return m_ids; }

    QTableView* summaryTable() const noexcept { return m_summaryTable; }
    plots::CompareBarsPlot* chart() const noexcept { return m_chart; }
    /// Accuracy by epoch of the runs that were trained.
    plots::SeriesPlot* trainingChart() const noexcept { return m_training; }
    QTableView* layerTable() const noexcept { return m_layerTable; }
    /// "W8A8 and 2 more".
    QString summary() const;
    /// Both tables as they are shown, comma-separated.
    QString asCsv() const;

public Q_SLOTS:
    /// The first is the baseline. Fewer than two: the empty state.
    void compare(const std::vector<bitlathe::experiments::RunId>& ids);
    void setDifferencesOnly(bool isOn);
    /// SQNR differences below it are hidden.
    void setThresholdDb(double threshold);
    void exportCsv();
    bool writeCsv(const QString& path);

Q_SIGNALS:
    void summaryChanged();
    void failed(const QString& text);

protected:
    void resizeEvent(QResizeEvent* event) override;

private:
    void placeLayers();
    void splitByContent();
    QWidget* newTableArea(const QString& name, CompareModel*& model, CompareFilterModel*& filter,
                          QTableView*& table, QLabel*& caption);
    QWidget* newRunArea();
    void chooseBaseline(int index);
    void read();
    void showComparison();
    void showTraining();
    void updateCaptions();

    std::shared_ptr<experiments::ExperimentLog> m_log;
    std::vector<experiments::RunId> m_ids;  ///< the baseline first
    std::vector<ComparedRun> m_compared;

    QStackedWidget* m_stack = nullptr;
    QLabel* m_empty = nullptr;
    QComboBox* m_baseline = nullptr;
    QCheckBox* m_differencesOnly = nullptr;
    QDoubleSpinBox* m_threshold = nullptr;
    QToolButton* m_export = nullptr;
    CompareModel* m_summaryModel = nullptr;
    CompareFilterModel* m_summaryFilter = nullptr;
    QTableView* m_summaryTable = nullptr;
    QLabel* m_summaryCaption = nullptr;
    plots::CompareBarsPlot* m_chart = nullptr;
    plots::SeriesPlot* m_training = nullptr;
    QTabWidget* m_runTabs = nullptr;
    CompareModel* m_layerModel = nullptr;
    CompareFilterModel* m_layerFilter = nullptr;
    QTableView* m_layerTable = nullptr;
    QLabel* m_layerCaption = nullptr;
    QWidget* m_layerArea = nullptr;
    QSplitter* m_splitter = nullptr;
    bool m_isSplitByHand = false;
};

}  // namespace bitlathe::ui
