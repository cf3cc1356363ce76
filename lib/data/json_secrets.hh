// JSON for people and records: without the secrets of the URLs in it (base/secrets.hh).
#pragma once

#include "data/json.hh"

namespace qt {

// Of the text of a whole, what ends a secret could be what ends a string: so each string by itself.
Json json_without_secrets(Json value);

} // namespace qt
