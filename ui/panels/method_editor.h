#pragma once

#include <string>

#include "core/registry/registry.h"

#include <QWidget>

#include <vector>

class QComboBox;
class QFormLayout;

namespace bitlathe::ui {

/// Chooses a registered method and edits its parameters. Everything it shows comes from the registry's
/// descriptions, so a new method needs nothing here.
class MethodEditor final : public QWidget {
    Q_OBJECT

public:
    /// name  accessible name of the choice: "Quantizer"
    MethodEditor(const QString& name, std::vector<core::MethodInfo> methods, QWidget* parent = nullptr);

    /// Shows a choice; emits nothing.
    void setSpec(const core::MethodSpec& spec);
    core::MethodSpec spec() const;

Q_SIGNALS:
    /// The user chose another method (its parameters at their defaults) or changed a parameter. While one
    /// parameter is being changed step by step, `series` stays the same.
    void specEdited(const bitlathe::core::MethodSpec& spec, int series);

private:
    const core::MethodInfo* current() const;
    void rebuildParams();
    QWidget* makeEditor(const core::ParamSpec& param);
    void editParam(const std::string& name, double value);

    std::vector<core::MethodInfo> m_methods;
    core::MethodSpec m_spec;
    QComboBox* m_choice = nullptr;
    QWidget* m_params = nullptr;
    QFormLayout* m_form = nullptr;
    std::string m_editedParam;
    int m_series = 0;
};

}  // namespace bitlathe::ui
