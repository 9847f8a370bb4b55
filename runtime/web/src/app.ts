// The script of all pages. Pages work without it where that is cheap; it adds speed, live forms and widgets.

import htmx from "htmx.org";
import "./menus";
import "./busy";
import "./keys";
import "./toasts";
import "./elements/pick";
import "./elements/tree";
import "./elements/form";
import "./elements/lines";
import "./elements/files";
import "./elements/signature";
import "./elements/geo";
import "./elements/rows";
import "./elements/recent";

htmx.config.includeIndicatorCSS = false;
