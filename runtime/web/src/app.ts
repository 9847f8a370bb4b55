// The script of all pages. Pages work without it where that is cheap; it adds speed, live forms and widgets.

import htmx from "htmx.org";
// First: they hear of forms before they are sent.
import "./settle";
import "./offline";
import "./menus";
import "./busy";
import "./keys";
import "./tabs";
import "./toasts";
import "./events";
import "./watch";
import "./elements/pick";
import "./elements/tree";
import "./elements/lines";
import "./elements/files";
import "./elements/signature";
import "./elements/geo";
import "./elements/rows";
import "./elements/table";
import "./elements/filters";
import "./elements/recent";
import "./elements/countdown";
import "./elements/cards";
import "./elements/charts";
import "./elements/sandbox";
import "./elements/board";
import "./elements/calendar";
import "./elements/timeline";
import "./elements/map";
import "./elements/gallery";
import "./elements/palette";
import "./elements/shortcuts";
import "./elements/pull";
import "./elements/tenants";
import "./elements/parts";
import "./elements/split";
// Last: a form restores drafts into its widgets, which must be there by then.
import "./elements/form";

htmx.config.includeIndicatorCSS = false;
