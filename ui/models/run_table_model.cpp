#include "ui/models/run_table_model.h"

#include "core/types/error.h"
#include "experiments/records/metric_names.h"
#include "plots/number_text.h"
#include "ui/document/layer_title.h"
#include "ui/models/run_text.h"
#include "ui/settings/theme.h"

#include <QLocale>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <set>

namespace bitlathe::ui {

using experiments::RunId;
using experiments::RunRecord;
using experiments::RunStatus;
namespace metric = experiments::metric;

namespace {

/// What RunQuery calls each column.
constexpr std::array<const char*, RunTableModel::kColumnCount> kSortNames{"name",
                                                                          "recipe",
                                                                          "status",
                                                                          metric::kTop1,
                                                                          metric::kRomBytes,
                                                                          metric::kRamBytes,
                                                                          metric::kMeanWeightBits,
                                                                          metric::kMeanActivationBits,
                                                                          metric::kFitsDevice,
                                                                          "started",
                                                                          "elapsed"};

bool isNumber(int column) {
    switch (column) {
    case RunTableModel::Top1:
    case RunTableModel::Rom:
    case RunTableModel::Ram:
    case RunTableModel::WeightBits:
    case RunTableModel::ActivationBits:
    case RunTableModel::Duration:
        return true;
    default:
        return false;
    }
}

QString shortBytesOf(const RunRecord& run, const char* name) {
    const core::Metric* const bytes = findMetric(run, name);
    return bytes == nullptr ? QString() : plots::shortBytes(bytes->value);
}

QString exactBytesOf(const RunRecord& run, const char* name) {
    const core::Metric* const bytes = findMetric(run, name);
    return bytes == nullptr ? QString()
                            : RunTableModel::tr("%1 B").arg(groupedNumber(std::llround(bytes->value)));
}

QString fitText(const RunRecord& run) {
    const core::Metric* const fits = findMetric(run, metric::kFitsDevice);
    if (fits == nullptr) {
        return {};
    }
    const QString device = QString::fromStdString(run.what.deviceId);
    return fits->value != 0 ? RunTableModel::tr("fits %1").arg(device)
                            : RunTableModel::tr("too big for %1").arg(device);
}

/// Whether two rows show the same.
bool isSame(const RunRecord& a, const RunRecord& b) {
    const auto sameMetric = [](const auto& left, const auto& right) {
        return left.first == right.first && left.second.value == right.second.value &&
               left.second.samples == right.second.samples;
    };
    return a.id == b.id && a.status == b.status && a.what.name == b.what.name && a.elapsedMs == b.elapsedMs &&
           a.error == b.error && a.metrics.size() == b.metrics.size() &&
           std::equal(a.metrics.begin(), a.metrics.end(), b.metrics.begin(), sameMetric);
}

}  // namespace

template <typename Work>
bool RunTableModel::guarded(Work work) {
    try {
        work();
        return true;
    } catch (const core::Error& error) {
        Q_EMIT failed(QString::fromUtf8(error.what()));
        return false;
    }
}

void RunTableModel::setLog(std::shared_ptr<experiments::ExperimentLog> log) {
    m_log = std::move(log);
    reload();
}

void RunTableModel::setFilter(const QString& text, std::optional<RunStatus> status) {
    const std::string wanted = text.trimmed().toStdString();
    if (wanted == m_query.text && status == m_query.status) {
        return;
    }
    m_query.text = wanted;
    m_query.status = status;
    reload();
}

void RunTableModel::sort(int column, Qt::SortOrder order) {
    if (column < 0 || column >= kColumnCount) {
        return;
    }
    m_sortColumn = column;
    m_query.sortBy = kSortNames[static_cast<std::size_t>(column)];
    m_query.isDescending = order == Qt::DescendingOrder;
    reload();
}

void RunTableModel::reload() {
    beginResetModel();
    m_rows.clear();
    m_matchCount = 0;
    m_totalCount = 0;
    if (m_log) {
        guarded([&] {
            m_dataVersion = m_log->dataVersion();
            readCounts();
            m_rows = readRows(0, kPageSize);
        });
    }
    endResetModel();
    Q_EMIT countsChanged();
}

void RunTableModel::readCounts() {
    m_matchCount = m_log->runCount(m_query);
    m_totalCount = hasFilter() ? m_log->runCount() : m_matchCount;
}

std::vector<RunRecord> RunTableModel::readRows(qint64 offset, qint64 limit) const {
    experiments::RunQuery page = m_query;
    page.offset = offset;
    page.limit = limit;
    return m_log->runs(page);
}

void RunTableModel::refreshIfChanged() {
    if (!m_log) {
        return;
    }
    std::int64_t version = m_dataVersion;
    if (guarded([&] { version = m_log->dataVersion(); }) && version != m_dataVersion) {
        m_dataVersion = version;
        refresh();
    }
}

void RunTableModel::refresh() {
    if (!m_log) {
        return;
    }
    std::vector<RunRecord> rows;
    const qint64 wanted = std::max<qint64>(kPageSize, rowCount());
    const bool isRead = guarded([&] {
        readCounts();
        rows = readRows(0, wanted);
    });
    if (isRead) {
        // Views ask for more rows whenever some arrive, also half-way through.
        m_isUpdating = true;
        updateRows(std::move(rows));
        m_isUpdating = false;
        Q_EMIT countsChanged();
    }
}

void RunTableModel::updateRows(std::vector<RunRecord> rows) {
    std::set<RunId> wanted;
    for (const RunRecord& run : rows) {
        wanted.insert(run.id);
    }
    for (int row = rowCount() - 1; row >= 0; --row) {
        if (!wanted.contains(recordAt(row).id)) {
            beginRemoveRows({}, row, row);
            m_rows.erase(m_rows.begin() + row);
            endRemoveRows();
        }
    }
    for (int row = 0; row < static_cast<int>(rows.size()); ++row) {
        RunRecord& next = rows[static_cast<std::size_t>(row)];
        if (row < rowCount() && recordAt(row).id == next.id) {
            if (!isSame(recordAt(row), next)) {
                m_rows[static_cast<std::size_t>(row)] = std::move(next);
                Q_EMIT dataChanged(index(row, 0), index(row, kColumnCount - 1));
            }
            continue;
        }
        if (const int old = rowOf(next.id); old > row) {
            beginMoveRows({}, old, old, {}, row);
            std::rotate(m_rows.begin() + row, m_rows.begin() + old, m_rows.begin() + old + 1);
            m_rows[static_cast<std::size_t>(row)] = std::move(next);
            endMoveRows();
            Q_EMIT dataChanged(index(row, 0), index(row, kColumnCount - 1));
        } else {
            beginInsertRows({}, row, row);
            m_rows.insert(m_rows.begin() + row, std::move(next));
            endInsertRows();
        }
    }
}

bool RunTableModel::canFetchMore(const QModelIndex& parent) const {
    return !parent.isValid() && !m_isUpdating && rowCount() < m_matchCount;
}

void RunTableModel::fetchMore(const QModelIndex& parent) {
    if (!canFetchMore(parent)) {
        return;
    }
    std::vector<RunRecord> rows;
    guarded([&] { rows = readRows(rowCount(), kPageSize); });
    // A row that another connection pushed down since the last page is already held.
    std::erase_if(rows, [&](const RunRecord& run) { return rowOf(run.id) >= 0; });
    if (rows.empty()) {
        m_matchCount = rowCount();
        return;
    }
    beginInsertRows({}, rowCount(), rowCount() + static_cast<int>(rows.size()) - 1);
    std::move(rows.begin(), rows.end(), std::back_inserter(m_rows));
    endInsertRows();
}

void RunTableModel::fetchAll() {
    while (canFetchMore({})) {
        fetchMore({});
    }
}

void RunTableModel::remove(const std::vector<RunId>& ids) {
    if (!m_log) {
        return;
    }
    guarded([&] {
        for (const RunId id : ids) {
            m_log->removeRun(id);
        }
    });
    refresh();
}

int RunTableModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(m_rows.size());
}

int RunTableModel::columnCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : kColumnCount;
}

int RunTableModel::rowOf(RunId id) const {
    const auto found =
        std::find_if(m_rows.begin(), m_rows.end(), [&](const RunRecord& run) { return run.id == id; });
    return found == m_rows.end() ? -1 : static_cast<int>(found - m_rows.begin());
}

QVariant RunTableModel::displayValue(const RunRecord& run, int column) const {
    switch (column) {
    case Name:
        return QString::fromStdString(run.what.name);
    case Recipe:
        return QString::fromStdString(run.what.recipeName);
    case Status:
        return statusText(run.status);
    case Top1:
        return accuracyText(findMetric(run, metric::kTop1));
    case Rom:
        return shortBytesOf(run, metric::kRomBytes);
    case Ram:
        return shortBytesOf(run, metric::kRamBytes);
    case WeightBits:
        return bitsText(findMetric(run, metric::kMeanWeightBits));
    case ActivationBits:
        return bitsText(findMetric(run, metric::kMeanActivationBits));
    case DeviceFit:
        return fitText(run);
    case Started:
        return startedText(run.startedAt);
    case Duration:
        return run.status == RunStatus::Running ? QString() : durationText(run.elapsedMs);
    default:
        return {};
    }
}

QString RunTableModel::toolTip(const RunRecord& run, int column) const {
    switch (column) {
    case Name:
        return tr("%1 · run %2").arg(QString::fromStdString(run.what.name)).arg(run.id.value);
    case Recipe:
        return QString::fromStdString(run.what.modelPath);
    case Status:
        return statusDetail(run);
    case Top1:
        return accuracyDetail(findMetric(run, metric::kTop1));
    case Rom:
        return exactBytesOf(run, metric::kRomBytes);
    case Ram:
        return exactBytesOf(run, metric::kRamBytes);
    case WeightBits:
        return tr("Mean bits of the weights, weighted by parameters");
    case ActivationBits:
        return tr("Mean bits of the activations, weighted by elements");
    case Started:
        return tr("%1 UTC").arg(QString::fromStdString(run.startedAt));
    default:
        return {};
    }
}

QVariant RunTableModel::data(const QModelIndex& index, int role) const {
    if (!checkIndex(index, CheckIndexOption::IndexIsValid)) {
        return {};
    }
    const RunRecord& run = recordAt(index.row());
    const int column = index.column();
    switch (role) {
    case Qt::DisplayRole:
        return displayValue(run, column);
    case Qt::EditRole:
        return displayValue(run, column);
    case Qt::ToolTipRole:
        return toolTip(run, column);
    case Qt::TextAlignmentRole:
        return QVariant::fromValue<int>(Qt::AlignVCenter |
                                        (isNumber(column) ? Qt::AlignRight : Qt::AlignLeft));
    case Qt::DecorationRole:
        if (column == Status) {
            return statusIcon(statusGlyph(run.status));
        }
        if (const core::Metric* fits = findMetric(run, metric::kFitsDevice);
            column == DeviceFit && fits != nullptr) {
            return statusIcon(fits->value != 0 ? StatusGlyph::Succeeded : StatusGlyph::Interrupted);
        }
        return {};
    case Qt::ForegroundRole:
        if (column == Status && (run.status == RunStatus::Interrupted || run.status == RunStatus::Failed)) {
            return currentTheme().attention;
        }
        return {};
    case RunIdRole:
        return QVariant::fromValue<qint64>(run.id.value);
    case StatusRole:
        return static_cast<int>(run.status);
    default:
        return {};
    }
}

QStringList RunTableModel::exportHeader() {
    // Not translated: scripts read it.
    return {QStringLiteral("run"),
            QStringLiteral("name"),
            QStringLiteral("recipe"),
            QStringLiteral("status"),
            QStringLiteral("top1_percent"),
            QStringLiteral("top1_lower95"),
            QStringLiteral("top1_upper95"),
            QStringLiteral("samples"),
            QStringLiteral("rom_bytes"),
            QStringLiteral("ram_bytes"),
            QStringLiteral("mean_weight_bits"),
            QStringLiteral("mean_activation_bits"),
            QStringLiteral("device"),
            QStringLiteral("fits_device"),
            QStringLiteral("started_utc"),
            QStringLiteral("duration_ms")};
}

QStringList RunTableModel::exportCells(const RunRecord& run) {
    const auto number = [](std::optional<double> value) {
        return value ? QString::number(*value, 'g', QLocale::FloatingPointShortest) : QString();
    };
    const auto figure = [&](const char* name) {
        const core::Metric* const found = findMetric(run, name);
        return found == nullptr ? QString() : number(found->value);
    };
    const core::Metric* const top1 = findMetric(run, metric::kTop1);
    return {QString::number(run.id.value),
            QString::fromStdString(run.what.name),
            QString::fromStdString(run.what.recipeName),
            QString::fromUtf8(runStatusName(run.status).data(),
                              static_cast<qsizetype>(runStatusName(run.status).size())),
            figure(metric::kTop1),
            top1 == nullptr ? QString() : number(top1->lower95),
            top1 == nullptr ? QString() : number(top1->upper95),
            top1 == nullptr || top1->samples == 0 ? QString() : QString::number(top1->samples),
            figure(metric::kRomBytes),
            figure(metric::kRamBytes),
            figure(metric::kMeanWeightBits),
            figure(metric::kMeanActivationBits),
            QString::fromStdString(run.what.deviceId),
            figure(metric::kFitsDevice),
            QString::fromStdString(run.startedAt),
            run.status == RunStatus::Running ? QString() : number(run.elapsedMs)};
}

QVariant RunTableModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal) {
        return {};
    }
    if (role == Qt::TextAlignmentRole) {
        return QVariant::fromValue<int>(Qt::AlignVCenter |
                                        (isNumber(section) ? Qt::AlignRight : Qt::AlignLeft));
    }
    if (role != Qt::DisplayRole) {
        return {};
    }
    switch (section) {
    case Name:
        return tr("Name");
    case Recipe:
        return tr("Recipe");
    case Status:
        return tr("Status");
    case Top1:
        return tr("Top-1 (95 %)");
    case Rom:
        return tr("ROM");
    case Ram:
        return tr("RAM");
    case WeightBits:
        return tr("W bits");
    case ActivationBits:
        return tr("A bits");
    case DeviceFit:
        return tr("Device");
    case Started:
        return tr("Started");
    case Duration:
        return tr("Duration");
    default:
        return {};
    }
}

Qt::ItemFlags RunTableModel::flags(const QModelIndex& index) const {
    const Qt::ItemFlags flags = QAbstractTableModel::flags(index);
    return index.isValid() && index.column() == Name ? flags | Qt::ItemIsEditable : flags;
}

bool RunTableModel::setData(const QModelIndex& index, const QVariant& value, int role) {
    const QString name = value.toString().trimmed();
    if (!checkIndex(index, CheckIndexOption::IndexIsValid) || role != Qt::EditRole ||
        index.column() != Name || name.isEmpty() || !m_log) {
        return false;
    }
    RunRecord& run = m_rows[static_cast<std::size_t>(index.row())];
    if (!guarded([&] { m_log->renameRun(run.id, name.toStdString()); })) {
        return false;
    }
    run.what.name = name.toStdString();
    Q_EMIT dataChanged(index, index);
    return true;
}

}  // namespace bitlathe::ui
