#include "ui/models/parameter_rule_model.h"

#include <algorithm>
#include <limits>
#include <optional>

namespace bitlathe::ui {

namespace {

QString kindText(const core::ParameterRule& rule) {
    QStringList words;
    for (const core::ParameterKind kind : rule.kinds) {
        words += QString::fromStdString(core::parameterKindNames()[static_cast<std::size_t>(kind)]);
    }
    return words.join(QStringLiteral(", "));
}

QString numberText(const std::optional<double>& number) {
    return number ? QString::number(*number, 'g', 10) : QString();
}

/// Empty where a word is no kind.
std::optional<std::vector<core::ParameterKind>> kindsOf(const QString& text) {
    const std::vector<std::string>& names = core::parameterKindNames();
    std::vector<core::ParameterKind> kinds;
    for (const QString& part : text.split(QLatin1Char(','), Qt::SkipEmptyParts)) {
        const std::string word = part.trimmed().replace(QLatin1Char(' '), QLatin1Char('_')).toStdString();
        const auto found = std::find(names.begin(), names.end(), word);
        if (found == names.end()) {
            return std::nullopt;
        }
        kinds.push_back(static_cast<core::ParameterKind>(found - names.begin()));
    }
    return kinds;
}

/// A number from 0, or nothing; false where the text is neither.
bool readNumber(const QString& text, std::optional<double>& number) {
    if (text.isEmpty()) {
        number.reset();
        return true;
    }
    bool isNumber = false;
    const double value = text.toDouble(&isNumber);
    if (!isNumber || !(value >= 0) || value > std::numeric_limits<float>::max()) {
        return false;
    }
    number = value;
    return true;
}

bool readCount(const QString& text, std::int64_t& count) {
    if (text.isEmpty()) {
        count = 0;
        return true;
    }
    bool isNumber = false;
    const qlonglong value = text.toLongLong(&isNumber);
    if (!isNumber || value < 1) {
        return false;
    }
    count = value;
    return true;
}

}  // namespace

void ParameterRuleModel::setRules(std::vector<core::ParameterRule> rules) {
    beginResetModel();
    m_rules = std::move(rules);
    endResetModel();
}

void ParameterRuleModel::add(core::ParameterRule rule) {
    const int row = rowCount();
    beginInsertRows({}, row, row);
    m_rules.push_back(std::move(rule));
    endInsertRows();
    Q_EMIT edited();
}

void ParameterRuleModel::remove(int row) {
    if (row < 0 || row >= rowCount()) {
        return;
    }
    beginRemoveRows({}, row, row);
    m_rules.erase(m_rules.begin() + row);
    endRemoveRows();
    Q_EMIT edited();
}

int ParameterRuleModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(m_rules.size());
}

int ParameterRuleModel::columnCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : ColumnCount;
}

QVariant ParameterRuleModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid() || (role != Qt::DisplayRole && role != Qt::EditRole)) {
        return {};
    }
    const core::ParameterRule& rule = m_rules[static_cast<std::size_t>(index.row())];
    const bool isShown = role == Qt::DisplayRole;
    switch (index.column()) {
    case Kinds:
        return rule.kinds.empty() && isShown ? tr("any") : kindText(rule);
    case Name:
        return rule.name.empty() && isShown ? tr("any") : QString::fromStdString(rule.name);
    case MaxElements:
        return rule.maxElements > 0 ? QString::number(rule.maxElements) : isShown ? tr("any") : QString();
    case LearningRate: {
        const QString text = numberText(rule.learningRateFactor);
        return isShown ? (text.isEmpty() ? tr("as set") : tr("× %1").arg(text)) : text;
    }
    case WeightDecay: {
        const QString text = numberText(rule.weightDecay);
        return text.isEmpty() && isShown ? tr("as set") : text;
    }
    default:
        return {};
    }
}

bool ParameterRuleModel::setData(const QModelIndex& index, const QVariant& value, int role) {
    if (!index.isValid() || role != Qt::EditRole) {
        return false;
    }
    core::ParameterRule rule = m_rules[static_cast<std::size_t>(index.row())];
    const QString text = value.toString().trimmed();
    QString complaint;
    if (index.column() == Kinds) {
        if (const auto kinds = kindsOf(text)) {
            rule.kinds = *kinds;
        } else {
            QStringList known;
            for (const std::string& name : core::parameterKindNames()) {
                known += QString::fromStdString(name);
            }
            complaint =
                tr("“%1” is no kind of parameter. Known: %2.").arg(text, known.join(QStringLiteral(", ")));
        }
    } else if (index.column() == Name) {
        rule.name = text.toStdString();
    } else if (index.column() == MaxElements && !readCount(text, rule.maxElements)) {
        complaint =
            tr("“%1” is no size. Give the most numbers a tensor may have, or nothing for any.").arg(text);
    } else if (index.column() == LearningRate && !readNumber(text, rule.learningRateFactor)) {
        complaint = tr("“%1” is no factor from 0.").arg(text);
    } else if (index.column() == WeightDecay && !readNumber(text, rule.weightDecay)) {
        complaint = tr("“%1” is no weight decay from 0.").arg(text);
    }
    if (!complaint.isEmpty()) {
        Q_EMIT refused(complaint);
        return false;
    }
    m_rules[static_cast<std::size_t>(index.row())] = std::move(rule);
    Q_EMIT dataChanged(index, index);
    Q_EMIT edited();
    return true;
}

QVariant ParameterRuleModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal) {
        return {};
    }
    static constexpr const char* kTitles[] = {QT_TR_NOOP("Parameters"), QT_TR_NOOP("Name"),
                                              QT_TR_NOOP("Up to numbers"), QT_TR_NOOP("Rate"),
                                              QT_TR_NOOP("Decay")};
    static constexpr const char* kHints[] = {
        QT_TR_NOOP(
            "Kinds, with commas between: conv, depthwise_conv, linear, bias, batch_norm, range (learned by "
            "quantizers)"),
        QT_TR_NOOP("Name of the tensor; * and ? are wild: blocks.*.depthwise.weight"),
        QT_TR_NOOP("Only tensors of so many numbers or fewer"),
        QT_TR_NOOP("Factor of the learning rate; 0 freezes"),
        QT_TR_NOOP("Weight decay in place of the one above")};
    if (section < 0 || section >= ColumnCount) {
        return {};
    }
    return role == Qt::DisplayRole   ? QVariant(tr(kTitles[section]))
           : role == Qt::ToolTipRole ? QVariant(tr(kHints[section]))
                                     : QVariant();
}

Qt::ItemFlags ParameterRuleModel::flags(const QModelIndex& index) const {
    return index.isValid()
               ? Qt::ItemIsEnabled | Qt::ItemIsSelectable | Qt::ItemIsEditable | Qt::ItemNeverHasChildren
               : Qt::NoItemFlags;
}

}  // namespace bitlathe::ui
