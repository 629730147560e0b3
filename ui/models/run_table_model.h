#pragma once

#include <string>

#include "experiments/store/experiment_log.h"

#include <QAbstractTableModel>
#include <QStringList>

#include <memory>
#include <optional>
#include <vector>

namespace bitlathe::ui {

/// Runs of the experiment log, filtered and sorted by SQLite, read a page at a time: the size of the log does
/// not matter. Holds the rows read so far as values; refresh() brings them up to date row by row, so that a
/// selection survives. GUI thread, with a connection of its own.
class RunTableModel final : public QAbstractTableModel {
    Q_OBJECT

public:
    enum Column {
        Name,
        Recipe,
        Status,
        Top1,
        Rom,
        Ram,
        WeightBits,
        ActivationBits,
        DeviceFit,
        Started,
        Duration,
        kColumnCount
    };
    enum Role { RunIdRole = Qt::UserRole + 1, StatusRole };  ///< qint64; int of RunStatus
    static constexpr int kPageSize = 256;

    using QAbstractTableModel::QAbstractTableModel;

    /// Null: no rows.
    void setLog(std::shared_ptr<experiments::ExperimentLog> log);
    /// Runs whose name, recipe or model contains `text`, of one status or of any.
    void setFilter(const QString& text, std::optional<experiments::RunStatus> status);
    void sort(int column, Qt::SortOrder order) override;
    int sortColumn() const noexcept { return m_sortColumn; }
    /// Reads the rows again.
    void refresh();
    /// The same, if somebody else wrote since; costs a few microseconds otherwise.
    void refreshIfChanged();

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;
    Qt::ItemFlags flags(const QModelIndex& index) const override;
    /// Renames the run (column Name).
    bool setData(const QModelIndex& index, const QVariant& value, int role) override;
    bool canFetchMore(const QModelIndex& parent) const override;
    void fetchMore(const QModelIndex& parent) override;

    const experiments::RunRecord& recordAt(int row) const { return m_rows[static_cast<std::size_t>(row)]; }
    int rowOf(experiments::RunId id) const;  ///< -1: not among the rows read
    qint64 matchCount() const noexcept {
        return m_matchCount;
    }  ///< rows the filter lets through, read or not
    qint64 totalCount() const noexcept { return m_totalCount; }  ///< rows in the log
    bool hasFilter() const noexcept { return !m_query.text.empty() || m_query.status.has_value(); }
    /// A run as machines read it, for files and the clipboard: exact numbers, units in the header.
    static QStringList exportHeader();
    static QStringList exportCells(const experiments::RunRecord& run);
    /// Reads rows until every run the filter lets through is held: for an export of all.
    void fetchAll();
    void remove(const std::vector<experiments::RunId>& ids);

Q_SIGNALS:
    void countsChanged();
    /// The log could not be read or written: what, where, what to do.
    void failed(const QString& text);

private:
    QVariant displayValue(const experiments::RunRecord& run, int column) const;
    QString toolTip(const experiments::RunRecord& run, int column) const;
    std::vector<experiments::RunRecord> readRows(qint64 offset, qint64 limit) const;
    void reload();
    void updateRows(std::vector<experiments::RunRecord> rows);
    void readCounts();
    /// Runs `work`; false after failed() when the log throws.
    template <typename Work>
    bool guarded(Work work);

    std::shared_ptr<experiments::ExperimentLog> m_log;
    experiments::RunQuery m_query;
    int m_sortColumn = Started;
    std::int64_t m_dataVersion = 0;
    qint64 m_matchCount = 0;
    qint64 m_totalCount = 0;
    std::vector<experiments::RunRecord> m_rows;
    bool m_isUpdating = false;  ///< rows are being brought up to date: none may be fetched
};

}  // namespace bitlathe::ui
