// The script of all pages. Pages work without it where that is cheap; it adds speed, live forms and widgets.

import htmx from "htmx.org";
import "./menus";
import "./busy";
import "./keys";
import "./toasts";
import "./events";
import "./elements/pick";
import "./elements/tree";
import "./elements/lines";
import "./elements/files";
import "./elements/signature";
import "./elements/geo";
import "./elements/rows";
import "./elements/recent";
import "./elements/countdown";
import "./elements/charts";
import "./elements/sandbox";
// Last: a form restores drafts into its widgets, which must be there by then.
import "./elements/form";

htmx.config.includeIndicatorCSS = false;
