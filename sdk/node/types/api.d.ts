// Made by `make docs` from the OpenAPI document: edit the API, not this file.

/** How to accept. */
export type AcceptBody = {
  revision?: string | null;
  commit?: boolean;
  message?: string;
  force?: boolean;
  evaluate?: boolean;
};

/** Why, for the record. */
export type ActionBody = {
  reason?: string;
};

/** How many were marked. */
export type AllRead = {
  marked: number;
  unread?: number;
};

/** One SELECT over the views of the traffic log; `?` or `$name` stand for parameters. */
export type AnalyticsBody = {
  sql: string;
  params?: Array<unknown> | Record<string, unknown> | null;
  session?: string | null;
  format?: "json" | "arrow" | "csv" | "parquet" | null;
};

/** One attempt; ``response`` is the first 2 KB of the answer. */
export type AttemptView = {
  attempt: number;
  at: string;
  status: "success" | "failed";
  status_code?: number | null;
  response_time_ms: number;
  error?: string | null;
  response?: string;
};

/** A row that is not in the audience, by its line in the source (the header is line 1 of a file). */
export type AudienceIssue = {
  line: number;
  kind: "bad" | "duplicate";
  value: string;
  message: string;
};

/** Audiences, newest first. */
export type AudienceList = {
  audiences: Array<AudienceView>;
};

/**
 * A list of recipients; ``rows`` were read, of which ``total`` are in it.
 *
 * While a file is imported, ``expected`` says how many rows it likely has.
 */
export type AudienceView = {
  id: string;
  name: string;
  source: string;
  state: "importing" | "ready" | "failed";
  fields?: Array<string>;
  total?: number;
  rows?: number;
  expected?: number | null;
  duplicates?: number;
  bad?: number;
  reason?: string | null;
  created: string;
  updated: string;
};

/** A sensitive action; contacts are pseudonyms, and there is no text in it. */
export type AuditEntry = {
  id: string;
  at: string;
  action: string;
  /** Id of what it was done to, or the pseudonym of a contact. */
  subject: string;
  key_id: string;
  key_name: string;
  request_id: string;
  details?: Record<string, unknown>;
};

/** Sensitive actions, the latest first. */
export type AuditPage = {
  next_cursor?: string | null;
  entries: Array<AuditEntry>;
};

/** Text with one to three reply buttons. */
export type ButtonsContent = {
  type?: "buttons";
  body: string;
  buttons: Array<ReplyButton>;
  header?: string | null;
  footer?: string | null;
};

/**
 * Recipients by what became of them; ``sent`` holds those delivered, and ``delivered`` those who read.
 *
 * ``planned`` wait for their turn, ``queued`` are in the send queue (or in flight).
 */
export type CampaignCounts = {
  total?: number;
  planned?: number;
  queued?: number;
  sent?: number;
  delivered?: number;
  read?: number;
  failed?: number;
  skipped?: number;
  in_doubt?: number;
};

/** Campaigns, newest first. */
export type CampaignPage = {
  next_cursor?: string | null;
  campaigns: Array<CampaignView>;
};

/**
 * The figures of a campaign.
 *
 * ``speed`` holds ``{at, sent}`` per bucket of ``bucket_s`` seconds, ``failures`` ``{code, reason, status, count}``,
 * ``hours`` ``{weekday, hour, read, replied}`` (Monday = 1, local time of ``timezone``). ``difference`` compares the
 * reply rates of the first two variants: ``{variant, against, value, low, high}``.
 */
export type CampaignReport = {
  campaign: CampaignView;
  variants: Array<VariantReport>;
  speed: Array<Record<string, unknown>>;
  bucket_s: number;
  failures: Array<Record<string, unknown>>;
  hours: Array<Record<string, unknown>>;
  timezone: string;
  replied: number;
  reply_rate?: number | null;
  reply_median_s?: number | null;
  difference?: Record<string, unknown> | null;
};

/**
 * When to send.
 *
 * ``at`` without an offset is local time of ``timezone`` (IANA; default: the setting). Within ``quiet_hours``
 * nothing is sent. A start that is missed by more than ``late_minutes`` (the machine was off) is not made up: the
 * campaign pauses and says so.
 */
export type CampaignSchedule = {
  at?: string | null;
  timezone?: string;
  /** Local HH:MM-HH:MM. */
  quiet_hours?: string;
  late_minutes?: number;
};

/** One message of an A/B test; of ``weight`` in the sum of all weights. */
export type CampaignVariant = {
  name: string;
  weight?: number;
  template?: string | null;
  content?: TextContent | OutgoingMedia | ButtonsContent | ListContent | TemplateContent | LocationContent | OutgoingReaction | null;
};

/** A campaign and where it stands; ``eta`` in seconds, ``rate`` and ``speed`` in messages per second. */
export type CampaignView = {
  id: string;
  name: string;
  session: string;
  status: "draft" | "scheduled" | "running" | "held" | "paused" | "completed" | "failed" | "cancelled";
  reason?: string | null;
  counts?: CampaignCounts;
  eta?: number | null;
  speed?: number | null;
  audience_id?: string | null;
  audience?: string | null;
  /** The text of the message, or of its first variant. */
  template?: string | null;
  variants?: Array<Record<string, unknown>>;
  variables?: Record<string, unknown>;
  fallbacks?: Record<string, string>;
  schedule?: Record<string, unknown> | null;
  rate?: number | null;
  warm_up?: Record<string, unknown> | null;
  error_budget?: number;
  require_consent?: boolean;
  created: string;
  updated: string;
  due?: string | null;
  started?: string | null;
  finished?: string | null;
};

/** A rule that was considered and its confidence. */
export type Candidate = {
  rule_id: string;
  confidence: number;
};

/** A test case that failed: where it stands, what was said, and what was wrong. */
export type CaseOutcome = {
  file: string;
  line: number;
  say: string;
  fault: string;
};

/** Which rules to test; default: the files as they are. */
export type CasesBody = {
  rules?: RuleSource;
};

/** How the test cases beside the rules went. */
export type CasesReport = {
  total: number;
  failed: number;
  failures?: Array<CaseOutcome>;
  revision?: string;
  ms?: number;
};

/** A unified diff; empty when nothing changed. */
export type Changes = {
  name: string;
  diff: string;
};

/** Chats, the last active first. */
export type ChatPage = {
  next_cursor?: string | null;
  chats: Array<ChatView>;
};

/** A conversation and where it stands; ``window_open_until`` is the end of the 24-hour window. */
export type ChatView = {
  chat_id: string;
  session: string;
  name?: string | null;
  is_group?: boolean;
  last_message?: string | null;
  last_direction?: "in" | "out" | null;
  last_timestamp: string;
  unread?: number;
  bot_paused?: boolean;
  bot_paused_until?: string | null;
  bot_paused_reason?: string | null;
  window_open_until?: string | null;
};

/** A rule file as it is being edited. */
export type CheckBody = {
  /** Path of a rule file inside the rules folder. */
  name: string;
  text: string;
};

/** What became of an accepted suggestion: the diff, the tests beside the rules, a quick evaluation, the commit. */
export type CheckReport = {
  suggestion_id: string;
  rule_id: string;
  file: string;
  diff: string;
  revision: string;
  tests_passed?: number;
  tests_failed?: number;
  failures?: Array<string>;
  accuracy_before?: number | null;
  accuracy_after?: number | null;
  commit?: string | null;
};

/** Who is logged in. */
export type ClientInfo = {
  platform: string;
  phone_number: string;
  name: string;
};

/** Commits, the latest first. */
export type CommitList = {
  commits: Array<RuleCommit>;
};

/** When the rule may be used at all; everything given must hold. */
export type Conditions = {
  from_time?: string | null;
  to_time?: string | null;
  weekdays?: Array<"mon" | "tue" | "wed" | "thu" | "fri" | "sat" | "sun">;
  timezone?: string;
  sessions?: Array<string>;
  groups?: boolean | null;
};

/** A step in the history of a consent; ``key_id`` says who recorded it (empty: the engine itself). */
export type ConsentChange = {
  contact: string;
  purpose: string;
  change: "given" | "withdrawn";
  source: string;
  at: string;
  key_id: string;
};

/** What became of a person's consents, the latest first. */
export type ConsentHistory = {
  changes: Array<ConsentChange>;
};

/** Consents that are valid, by contact and purpose. */
export type ConsentPage = {
  next_cursor?: string | null;
  consents: Array<ConsentView>;
};

/** What a change of a consent did. */
export type ConsentSet = {
  contact: string;
  purpose: string;
  consents: boolean;
  changed: boolean;
};

/** A consent that is valid now. */
export type ConsentView = {
  contact: string;
  purpose: string;
  source: string;
  since: string;
};

/** What came of a list; ``issues`` names the first lines that were not taken, without their content. */
export type ConsentsImported = {
  given: number;
  unchanged: number;
  bad: number;
  issues?: Array<string>;
};

/**
 * Keep a list of recipients: from an uploaded file, pasted numbers, rows, a query or tags.
 *
 * ``phone`` names the column with the number, ``columns`` says under which variable each further column is kept
 * (default: all, under their own names). ``region`` (ISO 3166) reads numbers without a country code.
 */
export type CreateAudience = {
  name: string;
  upload_id?: string | null;
  numbers?: string | null;
  recipients?: Array<string | Record<string, unknown>>;
  query?: string | null;
  tags?: Array<string>;
  phone?: string | null;
  columns?: Record<string, string> | null;
  region?: string | null;
  session?: string | null;
  tag_as?: Array<string>;
  /** These people agreed to marketing messages; record it. */
  consent?: boolean;
};

/**
 * Describe a campaign; it starts as a draft.
 *
 * The audience is one of ``audience_id``, ``recipients``, ``query`` (SQL over the traffic log) and ``tags``. The
 * message is ``template`` (a text), ``content`` (any kind of message) or ``variants`` (an A/B test); texts in it may
 * use ``{{variables}}``: columns of the audience, ``variables`` for all, ``contact.phone`` and ``shop.name``.
 * ``fallbacks`` stand in for empty ones.
 */
export type CreateCampaign = {
  name: string;
  session?: string | null;
  recipients?: Array<string | Record<string, unknown>>;
  audience_id?: string | null;
  query?: string | null;
  tags?: Array<string>;
  template?: string | null;
  content?: TextContent | OutgoingMedia | ButtonsContent | ListContent | TemplateContent | LocationContent | OutgoingReaction | null;
  variables?: Record<string, unknown>;
  fallbacks?: Record<string, string>;
  variants?: Array<CampaignVariant>;
  schedule?: CampaignSchedule | null;
  rate?: number | null;
  warm_up?: WarmUp | null;
  /** Share of failures at which it pauses. */
  error_budget?: number;
  /** Skip contacts without a recorded consent. */
  require_consent?: boolean;
};

/** Tell people something; a repeat of an unread ``key`` within an hour is added to the first. */
export type CreateNotification = {
  title: string;
  message?: string;
  type?: "info" | "success" | "warning" | "error";
  icon?: string | null;
  link?: string | null;
  key?: string | null;
};

/** Register a webhook. Without a ``secret`` one is made; it is in the answer, this once. */
export type CreateWebhook = {
  url: string;
  events?: Array<string>;
  name?: string;
  secret?: string | null;
  enabled?: boolean;
  filters?: Filters;
  headers?: Record<string, unknown>;
  attempts?: number | null;
  delay_ms?: number | null;
  timeout_ms?: number | null;
  schedule?: "default" | "long" | Array<number>;
  ordered?: boolean;
  concurrency?: number | null;
};

/** Confirms that a thing is gone. */
export type Deleted = {
  id: string;
  deleted?: true;
};

/** A delivery with its attempts; ``body`` as it would be sent now (null once the event is gone). */
export type DeliveryDetail = {
  delivery: DeliveryView;
  attempts: Array<AttemptView>;
  body?: string | null;
};

/** Deliveries, newest first. */
export type DeliveryPage = {
  next_cursor?: string | null;
  logs: Array<DeliveryView>;
};

/** A delivery: one event for one webhook. */
export type DeliveryView = {
  id: string;
  webhook_id: string;
  event: string;
  event_type: string;
  session?: string;
  offset: number;
  state: "pending" | "delivered" | "dead" | "replaced";
  attempts: number;
  status_code?: number | null;
  response_time_ms?: number | null;
  error?: string | null;
  created: string;
  updated: string;
  next_attempt?: string | null;
  test?: boolean;
};

/** What executing a campaign would do now; nothing was sent. ``seconds`` is the likely duration. */
export type DryRun = {
  total: number;
  ready: number;
  skips: Record<string, number>;
  variants: Record<string, number>;
  samples?: Array<Sample>;
  seconds?: number | null;
  finishes?: string | null;
  notes?: Array<string>;
};

/** What changes; the rest stays. */
export type EditBody = {
  rule_id?: string | null;
  description?: string | null;
  action?: string | null;
  examples?: Record<string, Array<string>> | null;
  replies?: Record<string, string> | null;
};

/** Erase everything that is known of a person; what stays is without them: counts, offsets, a pseudonym. */
export type ErasePerson = {
  /** The person: a phone number or chat id in any usual spelling. */
  contact: string;
};

/** The latest erasures. */
export type ErasureList = {
  erasures: Array<ErasureView>;
};

/** An erasure: how far it is, and how much it took. The contact is never in it. */
export type ErasureView = {
  id: string;
  pseudonym: string;
  state: "running" | "done";
  step: "hold" | "collect" | "store" | "memory" | "log" | "scrub" | "done";
  counts: Record<string, number>;
  /** Why the step waits; it is tried again by itself. */
  error?: string | null;
  created: string;
  updated: string;
  finished?: string | null;
};

/** Why a send failed; ``retryable`` says whether trying again can help. */
export type ErrorInfo = {
  code: string;
  reason: string;
  retryable?: boolean;
};

/** Counts of attempts for one event name. */
export type EventStats = {
  event: string;
  success: number;
  failed: number;
};

/** A message to explain, and other rules to decide on it too. */
export type ExplainBody = {
  text: string;
  before?: RuleSource | null;
};

/** A decision, and what it rests on; ``before`` is the decision of other rules, when they were asked for. */
export type Explanation = {
  trace: Trace;
  examples?: Array<NearExample>;
  words?: Array<WordEffect>;
  before?: Trace | null;
};

/** Hand out everything that is known of a person, as one ZIP. */
export type ExportPerson = {
  /** The person: a phone number or chat id in any usual spelling. */
  contact: string;
};

/** Only events of these sessions, chats and rules; an empty list lets all through. */
export type Filters = {
  sessions?: Array<string>;
  chats?: Array<string>;
  rules?: Array<string>;
};

/** Record that a person agreed to a purpose; ``at`` is when, if that was earlier. */
export type GiveConsent = {
  /** The person: a phone number or chat id in any usual spelling. */
  contact: string;
  /** What the consent is for; campaigns that require one ask for `marketing`. */
  purpose?: string;
  /** How it is known: a form, a message, a paper. */
  source: string;
  /** ISO-8601 with zone; default: now. */
  at?: string | null;
};

/** An n-gram that message and example share, and what it adds to their cosine. */
export type GramShare = {
  gram: string;
  share: number;
};

/** Decisions, newest first. */
export type HistoryPage = {
  next_cursor?: string | null;
  history: Array<HistoryView>;
};

/** A past decision of the bot; texts are null once erased. */
export type HistoryView = {
  trace_id: string;
  message_id: string;
  session: string;
  chat_id?: string | null;
  created: string;
  decision: string;
  rule_id?: string | null;
  confidence?: number;
  language?: string;
  reason?: string;
  revision?: string;
  trigger?: string | null;
  response?: string | null;
};

/** Rows that are not in the audience, by line. */
export type IssuePage = {
  next_cursor?: string | null;
  issues: Array<AudienceIssue>;
};

/** All keys, newest first, without secrets. */
export type KeyList = {
  keys: Array<KeyView>;
};

/** An API key without its secret; ``key`` is shown once, at creation. */
export type KeyView = {
  id: string;
  name: string;
  prefix: string;
  scopes: Array<string>;
  created: string;
  expires?: string | null;
  last_used?: string | null;
  revoked?: boolean;
  key?: string | null;
  signing_secret?: string | null;
};

/** Whether the decision was right, and which rule would have been. */
export type LabelBody = {
  right: boolean;
  rule_id?: string | null;
  note?: string;
};

/** Decisions that people judged, the latest first. */
export type LabelPage = {
  next_cursor?: string | null;
  labels: Array<LabelView>;
};

/** A decision that a person judged; ``rule_id`` is the right rule, null for none. Texts are null once erased. */
export type LabelView = {
  trace_id: string;
  message_id: string;
  session: string;
  text?: string | null;
  language?: string;
  right: boolean;
  rule_id?: string | null;
  decided?: string | null;
  note?: string;
  by?: string;
  created: string;
};

/** Text with a button that opens a list of at most ten rows in all. */
export type ListContent = {
  type?: "list";
  body: string;
  button: string;
  sections: Array<ListSection>;
  header?: string | null;
  footer?: string | null;
};

/** One choice of a list. */
export type ListRow = {
  id: string;
  title: string;
  description?: string | null;
};

/** A titled group of rows (the title may be left out when there is one section). */
export type ListSection = {
  title?: string | null;
  rows: Array<ListRow>;
};

/** The process answers. */
export type Live = {
  status?: "ok";
  version: string;
  uptime: number;
};

/** A point on the map; degrees. */
export type LocationContent = {
  type?: "location";
  latitude: number;
  longitude: number;
  name?: string | null;
  address?: string | null;
};

/** A kept file. ``media_id`` is made of the content: the same file has the same one. */
export type MediaView = {
  media_id: string;
  mime_type: string;
  kind: "image" | "video" | "audio" | "document" | "sticker";
  size: number;
  filename?: string | null;
  sha256: string;
  created: string;
};

/** Messages, newest first. */
export type MessagePage = {
  next_cursor?: string | null;
  messages: Array<MessageView>;
};

/** One message of either direction; texts are null once erased. */
export type MessageView = {
  message_id: string;
  provider_id?: string | null;
  session: string;
  direction: "in" | "out";
  chat_id: string;
  type: string;
  status: "received" | "queued" | "sending" | "sent" | "delivered" | "read" | "failed" | "skipped" | "in_doubt";
  body?: string | null;
  content?: Record<string, unknown> | null;
  push_name?: string | null;
  timestamp: string;
  updated: string;
  quoted_id?: string | null;
  /** api, reply, campaign or phone: typed there (outgoing). */
  cause?: string | null;
  cause_id?: string | null;
  error?: ErrorInfo | null;
  is_group?: boolean;
  erased?: boolean;
};

/** The metrics over time, from the snapshots in the traffic log. */
export type MetricHistory = {
  since: string;
  until: string;
  /** Width of a step, seconds. */
  step: number;
  /** Where each step begins. */
  at: Array<string>;
  /** When the processes began that did so in this time. */
  restarts: Array<string>;
  series: Array<MetricSeries>;
  /** There was more than one answer may hold: ask for less time. */
  truncated?: boolean;
};

/** One metric over the steps of a history; null where no snapshot was taken (the engine was off). */
export type MetricSeries = {
  name: string;
  labels: Record<string, string>;
  kind: "counter" | "gauge" | "quantile";
  /** Counters: increase per second. Gauges: the mean. Quantiles: the highest of the step's snapshots. */
  values: Array<number | null>;
  /** The highest value seen; of counters, since the process began. */
  most: Array<number | null>;
  /** Increase of a counter over the whole time. */
  added?: number | null;
};

/** An example near the message: how alike by characters and by meaning, and by which n-grams. */
export type NearExample = {
  rule_id: string;
  example: string;
  similarity: number;
  source: "exact" | "keyword" | "pattern" | "semantic" | "lexical";
  characters?: number;
  meaning?: number | null;
  grams?: Array<GramShare>;
};

/** An example near the message. */
export type Neighbour = {
  rule_id: string;
  example: string;
  similarity: number;
  source: "exact" | "keyword" | "pattern" | "semantic" | "lexical";
};

/** A key to be made. */
export type NewKey = {
  name: string;
  scopes: Array<"messages:send" | "messages:read" | "campaigns:manage" | "notifications" | "webhooks:manage" | "smartbot:read" | "smartbot:write" | "analytics:read" | "analytics:texts" | "privacy" | "admin">;
  expires?: string | null;
};

/** How many there are, and how many are unread. */
export type NotificationCount = {
  total: number;
  unread: number;
};

/** A notification; null when its kind is muted. */
export type NotificationMade = {
  notification: NotificationView | null;
};

/** Notifications, newest first, and how many are unread. */
export type NotificationPage = {
  next_cursor?: string | null;
  notifications: Array<NotificationView>;
  unread: number;
};

/** A notification; ``count`` says how many events it stands for. */
export type NotificationView = {
  id: string;
  user: string;
  type: "info" | "success" | "warning" | "error";
  kind: string;
  title: string;
  message: string;
  icon?: string | null;
  link?: string | null;
  read?: boolean;
  seen?: boolean;
  count?: number;
  created: string;
  updated: string;
  /** Key of the text, for pages in other languages. */
  wording?: string | null;
  /** What the text names. */
  params?: Record<string, string | number>;
};

/** Who gets no more campaigns, and how it is known. */
export type OptOutBody = {
  /** The person: a phone number or chat id in any usual spelling. */
  contact: string;
  /** How it is known: a form, a message, a paper. */
  source?: string;
};

/** Whether a person gets campaigns. */
export type OptOutSet = {
  contact: string;
  opted_out: boolean;
  changed: boolean;
};

/** A file that is to be sent: a whole web address, a plain name, and a type that WhatsApp takes. */
export type OutgoingMedia = {
  type: "image" | "video" | "audio" | "document" | "sticker";
  url?: string | null;
  media_id?: string | null;
  base64?: string | null;
  mime_type?: string | null;
  caption?: string | null;
  filename?: string | null;
};

/** A reaction that is to be sent. */
export type OutgoingReaction = {
  type?: "reaction";
  message_id: string;
  emoji?: string;
};

/** For how long the bot is to stay quiet, and why. */
export type PauseBody = {
  session?: string | null;
  minutes?: number | null;
  reason?: string;
};

/** How much is known of a person, by kind. Nothing of it is text. */
export type PersonView = {
  contact: string;
  known: boolean;
  /** Names the person shows in WhatsApp. */
  names?: Array<string>;
  sessions?: Array<string>;
  first?: string | null;
  last?: string | null;
  /** Rows by kind: messages, decisions, events, log_messages, … */
  counts: Record<string, number>;
  consents?: Array<ConsentView>;
  opted_out?: boolean;
  /** Id of the erasure that is under way. */
  erasure?: string | null;
};

/** Kinds that are not wanted. */
export type Preferences = {
  muted?: Array<"session" | "campaign" | "webhook" | "disk" | "reader" | "handoff" | "suggestion" | "custom">;
};

/**
 * What is kept of a person.
 *
 * Attributes:
 *     name: Shown in the menu; empty: the user's name.
 *     email: For the picture alone; nothing is sent there.
 *     gravatar: Show the picture that gravatar.com has for the address. Off by default: it tells that site who
 *         works here, and when.
 *     language: Of the dashboard; empty: the browser's.
 *     sidebar: How the navigation stands at the start of a visit.
 *     brand: Whether the logo or the shop's name stands above the navigation.
 *     seen: Pages whose "New" mark was seen.
 */
export type Profile = {
  name?: string;
  email?: string;
  gravatar?: boolean;
  language?: "" | "en" | "ar";
  sidebar?: "auto" | "open" | "closed";
  brand?: "logo" | "text";
  seen?: Array<string>;
};

/** Saved queries by name, then the built-in ones. */
export type QueryList = {
  queries: Array<SavedQuery>;
};

/** Rows of an analytics query. */
export type QueryResult = {
  columns: Array<string>;
  types: Array<string>;
  rows: Array<Array<unknown>>;
  truncated?: boolean;
  elapsed_ms: number;
};

/** The engine can work. */
export type Ready = {
  ready?: true;
  reasons?: Array<string>;
  /** What works around a fault: look at it. */
  warnings?: Array<string>;
};

/** Why. */
export type ReasonBody = {
  reason?: string;
};

/** Recipients, in the order of the plan. */
export type RecipientPage = {
  next_cursor?: string | null;
  recipients: Array<RecipientView>;
};

/** One recipient of a campaign; ``error`` and ``reason`` say why it failed or was skipped. */
export type RecipientView = {
  place: number;
  contact: string;
  variant: string;
  status: "planned" | "queued" | "sending" | "sent" | "delivered" | "read" | "failed" | "skipped" | "in_doubt" | "cancelled";
  attempt?: number;
  message_id?: string | null;
  error?: string | null;
  reason?: string | null;
  updated?: string | null;
  replied_after_s?: number | null;
  variables?: Record<string, unknown>;
};

/** Look at the messages of the last days again and make suggestions of them. */
export type RefreshSuggestions = {
  days?: number;
  /** Messages that make a suggestion, at least. */
  least?: number;
};

/** A part of the reply as it would be sent. */
export type RenderedReply = {
  text: string;
  language: string;
  content: Record<string, unknown>;
};

/** A message whose answer would change; ``number`` is its place in the list. */
export type ReplayChange = {
  number: number;
  message_id: string;
  at: string;
  text: string;
  language: string;
  kind: "gained" | "lost" | "different";
  before: ReplaySide;
  after: ReplaySide;
};

/** The last replays, the newest first. */
export type ReplayList = {
  replays: Array<ReplayView>;
};

/** Changes in the order of the messages. */
export type ReplayPage = {
  next_cursor?: string | null;
  changes: Array<ReplayChange>;
};

/** The answer of one version of the rules. */
export type ReplaySide = {
  decision: string;
  rule_id?: string | null;
  confidence?: number;
  reply?: string | null;
};

/** A replay: how far it is, and how many answers would change. ``listed`` of them can be read. */
export type ReplayView = {
  id: string;
  state: "reading" | "running" | "done" | "cancelled" | "failed";
  before: string;
  after: string;
  minutes: number;
  messages?: number;
  done?: number;
  gained?: number;
  lost?: number;
  different?: number;
  listed?: number;
  started: string;
  seconds?: number;
  eta_s?: number | null;
  error?: string;
  issues?: Array<Record<string, unknown>>;
};

/**
 * Deliver again: one delivery, the failed ones, or a range of time. Ids stay the same.
 *
 * ``missing`` also makes deliveries for events of the range that had none (the webhook was off or newer).
 * Times are ISO-8601; ``until`` defaults to now.
 */
export type ReplayWebhook = {
  delivery_id?: string | null;
  /** Which ones of the range. */
  status?: "dead" | "all";
  since?: string | null;
  until?: string | null;
  missing?: boolean;
};

/** How many deliveries wait again. */
export type Replayed = {
  webhook_id: string;
  replayed: number;
  created?: number;
  truncated?: boolean;
};

/** One way to say the answer. Variants of a language are drawn by ``weight``. */
export type Reply = {
  /** May hold {{variables}}. */
  text: string;
  /** Relative frequency of this variant. */
  weight?: number;
  buttons?: Array<ReplyButton>;
  list_button?: string | null;
  sections?: Array<ListSection>;
};

/** A quick-reply button; ``id`` comes back when it is pressed. */
export type ReplyButton = {
  id: string;
  title: string;
};

/** What became of a message in doubt. */
export type ResolveBody = {
  outcome: "sent" | "not_sent";
  /** Queue it again (only when it was not sent). */
  resend?: boolean;
};

/** Retention by kind. */
export type RetentionList = {
  kinds: Array<RetentionView>;
};

/** How long one kind of data is kept, and how old the oldest of it is. */
export type RetentionView = {
  kind: "journal" | "log" | "webhook_log" | "notifications" | "audit" | "metrics" | "forgotten";
  days: number;
  rows?: number | null;
  oldest?: string | null;
  /** The reader that older rows wait for. */
  held_by?: string | null;
};

/** Confirms that a key has ended. */
export type Revoked = {
  id: string;
  revoked?: true;
};

/** Give a webhook a new secret; the old one signs along for 24 hours. */
export type RotateWebhook = {
  secret?: string | null;
};

/** What customers ask, and what they are told. */
export type Rule = {
  /** Unique over all files: small letters, digits, underscores. */
  id: string;
  description?: string;
  enabled?: boolean;
  /** reply; handoff to a person; opt_out; opt_in; ignore = recognise and stay silent. */
  action?: "reply" | "handoff" | "opt_out" | "opt_in" | "ignore";
  /** Typical messages by language; the more unlike each other the better. */
  examples?: Record<string, Array<string>>;
  /** Words or phrases that decide alone when they stand in the message. */
  keywords?: Record<string, Array<string>>;
  /** Regular expressions that decide alone. */
  patterns?: Array<string>;
  /** Messages near this rule that it must not answer. */
  negatives?: Record<string, Array<string>>;
  /** Least confidence to answer, overall or by language. */
  threshold?: number | Record<string, number> | null;
  conditions?: Conditions;
  /** What to say, by language; Arabizi falls back to ar, then en. */
  replies?: Record<string, Array<Reply>>;
  tags?: Array<string>;
  owner?: string;
};

/** A commit that touched a rule file. */
export type RuleCommit = {
  commit: string;
  author: string;
  created: string;
  subject: string;
};

/** A file of the rules folder; ``revision`` is the hash of its text. */
export type RuleFileInfo = {
  name: string;
  revision: string;
  rules?: number;
  cases?: number;
  errors?: number;
};

/** The files of the rules folder. */
export type RuleFileList = {
  files: Array<RuleFileInfo>;
};

/** A rule file as text; ``live`` is the revision of the rules that serve. */
export type RuleFileView = {
  name: string;
  text: string;
  revision: string;
  rules?: Array<RuleSpan>;
  issues?: Array<RuleIssue>;
  live?: string;
  commit?: string | null;
};

/** What is wrong in a rule file, and where; a warning stops nothing. */
export type RuleIssue = {
  file: string;
  line: number;
  column: number;
  message: string;
  warning?: boolean;
};

/** All rules, and the revision they are at together. */
export type RuleList = {
  rules: Array<RuleView>;
  revision: string;
};

/**
 * Which rules: those in the files now, at a git revision, in a folder beside them, or the files with other texts.
 *
 * ``texts`` holds whole files by name and is laid over the files as they are; an empty text leaves a file out.
 */
export type RuleSource = {
  kind?: "files" | "git" | "folder" | "texts";
  ref?: string;
  folder?: string;
  texts?: Record<string, unknown>;
};

/** Where a rule stands: its first and last line. */
export type RuleSpan = {
  id: string;
  line: number;
  end_line: number;
  enabled?: boolean;
};

/** A rule with where it stands and how it may be changed. */
export type RuleView = {
  id: string;
  file: string;
  line: number;
  revision: string;
  enabled: boolean;
  action: string;
  description?: string;
  rule: Record<string, unknown>;
};

/** A message as one recipient would get it. */
export type Sample = {
  contact: string;
  variant: string;
  content: Record<string, unknown>;
};

/** A query to be kept; with ``PUT``, what it shall be from now on. It is not run and not checked. */
export type SaveQuery = {
  name: string;
  sql: string;
  about?: string;
};

/**
 * Replace the text of a rule file, after all files together have passed the checks.
 *
 * ``revision`` is that of the text that was edited: when the file changed since, nothing is written. ``commit``
 * commits the file, and nothing else, to git with ``message``.
 */
export type SaveRuleFile = {
  /** Path of a rule file inside the rules folder. */
  name: string;
  text: string;
  revision?: string | null;
  commit?: boolean;
  message?: string;
};

/**
 * A query that is kept under a name.
 *
 * Attributes:
 *     id: Its lasting id; of a built-in one, its name.
 *     name: What people call it.
 *     sql: One SELECT; ``$since``, ``$until``, ``$session``, ``$zone``, ``$bucket`` and ``$top`` stand for what the
 *         reader chooses.
 *     about: What it is for.
 *     builtin: Part of WaQtor: it can be neither changed nor deleted.
 *     created: ISO-8601; ``None`` for built-in ones.
 *     updated: ISO-8601; ``None`` for built-in ones.
 */
export type SavedQuery = {
  id: string;
  name: string;
  sql: string;
  about?: string;
  builtin?: boolean;
  created?: string | null;
  updated?: string | null;
};

/** Send text with one to three reply buttons. */
export type SendButtons = {
  /** Phone number, chat id or group id in any usual spelling. */
  to: string;
  session?: string | null;
  quoted_message_id?: string | null;
  body: string;
  buttons: Array<ReplyButton>;
  header?: string | null;
  footer?: string | null;
};

/** Send text with a list of at most ten rows. */
export type SendList = {
  /** Phone number, chat id or group id in any usual spelling. */
  to: string;
  session?: string | null;
  quoted_message_id?: string | null;
  body: string;
  button: string;
  sections: Array<ListSection>;
  header?: string | null;
  footer?: string | null;
};

/** Send a point on the map (degrees). */
export type SendLocation = {
  /** Phone number, chat id or group id in any usual spelling. */
  to: string;
  session?: string | null;
  quoted_message_id?: string | null;
  latitude: number;
  longitude: number;
  name?: string | null;
  address?: string | null;
};

/** Send an image, video, audio file or document by URL, earlier upload or base64. */
export type SendMedia = {
  /** Phone number, chat id or group id in any usual spelling. */
  to: string;
  session?: string | null;
  quoted_message_id?: string | null;
  media_type: "image" | "video" | "audio" | "document" | "sticker";
  url?: string | null;
  media_id?: string | null;
  /** The file itself; a `data:` address is taken too. */
  base64?: string | null;
  mime_type?: string | null;
  caption?: string | null;
  filename?: string | null;
};

/** React to a message with an emoji; an empty one removes the reaction. */
export type SendReaction = {
  /** Phone number, chat id or group id in any usual spelling. */
  to: string;
  session?: string | null;
  quoted_message_id?: string | null;
  message_id: string;
  emoji?: string;
};

/** The answer to a send: our lasting id; ``pending`` means queued or sending. */
export type SendReceipt = {
  message_id: string;
  timestamp: string;
  status?: "pending" | "sent" | "delivered" | "read" | "failed" | "skipped" | "in_doubt";
  /** True when this Idempotency-Key was seen before. */
  duplicate?: boolean;
};

/** Send an approved template. */
export type SendTemplate = {
  /** Phone number, chat id or group id in any usual spelling. */
  to: string;
  session?: string | null;
  quoted_message_id?: string | null;
  name: string;
  language?: string;
  variables?: Record<string, string>;
  components?: Array<Record<string, unknown>>;
};

/** Send plain text. */
export type SendText = {
  /** Phone number, chat id or group id in any usual spelling. */
  to: string;
  session?: string | null;
  quoted_message_id?: string | null;
  text: string;
  mentions?: Array<string>;
  preview_url?: boolean;
};

/** Which session. */
export type SessionBody = {
  session?: string | null;
};

/** All sessions. */
export type SessionList = {
  sessions: Array<SessionView>;
};

/** A session and its state. */
export type SessionView = {
  session: string;
  transport: string;
  status: "connecting" | "qr" | "ready" | "disconnected" | "auth_failure";
  client_info?: ClientInfo | null;
  /** Present only while a QR waits to be scanned. */
  qr?: string | null;
  reason?: string | null;
  since: string;
  queued?: number;
  in_doubt?: number;
};

/** For how long, and why. */
export type SnoozeBody = {
  days?: number;
  reason?: string;
};

/** Run recorded messages through two versions of the rules, and list the answers that would change. */
export type StartReplay = {
  before?: RuleSource;
  after?: RuleSource;
  /** How far to look back. */
  minutes?: number;
  /** Most messages; the latest are taken. */
  limit?: number;
};

/** What accepting writes: the file, the change as a unified diff, and the revision it is based on. */
export type SuggestionDiff = {
  suggestion_id: string;
  file: string;
  diff: string;
  revision: string;
  issues?: Array<Record<string, unknown>>;
};

/**
 * What accepting would change, by cross-validation; shares of the messages that were looked at.
 *
 * Attributes:
 *     before: Share of those messages whose best rule is the right one now.
 *     after: The same, expected with the suggestion.
 *     answered: Share of the cluster that would be answered, and rightly.
 *     lost: Examples of other rules that would go to this one.
 *     messages: How many messages the shares are of.
 */
export type SuggestionEffect = {
  before: number;
  after: number;
  answered: number;
  lost: number;
  messages: number;
};

/** A message of the cluster; ``text`` is null once erased, ``times`` counts equal texts. */
export type SuggestionEvidence = {
  message_id: string;
  text?: string | null;
  times?: number;
  decision?: string;
  nearest?: string | null;
  confidence?: number;
};

/** Suggestions, those that serve most customers first; three messages of evidence each. */
export type SuggestionList = {
  suggestions: Array<SuggestionView>;
};

/** A group of messages that the bot did not answer, and what to do about them. */
export type SuggestionView = {
  id: string;
  kind: "extend" | "new_rule";
  status: "open" | "snoozed" | "accepted" | "rejected";
  title: string;
  language: string;
  words?: Array<string>;
  rule_id: string;
  description?: string;
  action?: "reply" | "handoff" | "ignore";
  examples?: Record<string, Array<string>>;
  replies?: Record<string, string>;
  messages: number;
  customers: number;
  corrected?: number;
  evidence?: Array<SuggestionEvidence>;
  nearest?: Array<Candidate>;
  effect?: SuggestionEffect | null;
  edited?: boolean;
  reason?: string;
  snoozed_until?: string | null;
  created: string;
  updated: string;
  commit?: string | null;
};

/** A delivery of the provider is durable. */
export type Taken = {
  status?: "taken";
};

/** An approved template; ``variables`` fill its placeholders by name or position. */
export type TemplateContent = {
  type?: "template";
  name: string;
  language?: string;
  variables?: Record<string, string>;
  components?: Array<Record<string, unknown>>;
};

/** Messages to try, and by which rules; default: those that serve. */
export type TestManyBody = {
  texts: Array<string>;
  rules?: RuleSource | null;
};

/** Ask the bot what it would answer; nothing is sent or stored. */
export type TestMessage = {
  text: string;
  session?: string | null;
  contact?: Record<string, string>;
};

/** To whom the test goes, and which variant (default: each). */
export type TestSendBody = {
  recipients: Array<string>;
  variant?: string | null;
};

/** Send a test delivery to one webhook, now, and tell how it went. */
export type TestWebhook = {
  event?: string;
};

/** Plain text; ``mentions`` are addresses, ``preview_url`` asks for a link preview. */
export type TextContent = {
  type?: "text";
  body: string;
  mentions?: Array<string>;
  preview_url?: boolean;
};

/** A ticket for one WebSocket handshake: `?ticket=…`. */
export type TicketView = {
  ticket: string;
  expires: string;
  expires_in: number;
};

/** A decision, explained. ``decision``: answer, clarify, handoff, silent, opt_out, opt_in. */
export type Trace = {
  trace_id: string;
  text: string;
  language: string;
  decision: "answer" | "clarify" | "handoff" | "silent" | "opt_out" | "opt_in";
  reason: string;
  rule_id?: string | null;
  confidence?: number;
  threshold?: number | null;
  stage?: string;
  candidates?: Array<Candidate>;
  neighbours?: Array<Neighbour>;
  replies?: Array<RenderedReply>;
  steps?: Array<TraceStep>;
  revision?: string;
  total_ms?: number;
};

/** One of the eight steps: what it did, in words and in facts; ``ms`` is its duration. */
export type TraceStep = {
  step: "normalise" | "language" | "guard" | "retrieve" | "score" | "decide" | "render" | "check";
  ms: number;
  summary: string;
  details?: Record<string, unknown>;
};

/** What the bot would do with each message, in their order. */
export type TriedList = {
  tried: Array<TriedMessage>;
};

/** What the bot would do with one of many messages; ``next`` is the rule that came second. */
export type TriedMessage = {
  text: string;
  language: string;
  decision: string;
  rule_id?: string | null;
  confidence?: number;
  threshold?: number | null;
  stage?: string;
  top?: Candidate | null;
  next?: Candidate | null;
  reply?: string | null;
  ms?: number;
};

/** Mark one as read or seen, or as unread again. */
export type UpdateNotification = {
  read?: boolean | null;
  seen?: boolean | null;
};

/** Change some of it; what is left out stays. */
export type UpdateProfile = {
  name?: string | null;
  email?: string | null;
  gravatar?: boolean | null;
  language?: "" | "en" | "ar" | null;
  sidebar?: "auto" | "open" | "closed" | null;
  brand?: "logo" | "text" | null;
  seen?: Array<string> | null;
};

/** Change a webhook; what is left out stays, the secret too. */
export type UpdateWebhook = {
  url?: string | null;
  events?: Array<string> | null;
  name?: string | null;
  secret?: string | null;
  enabled?: boolean | null;
  filters?: Filters | null;
  headers?: Record<string, unknown> | null;
  attempts?: number | null;
  delay_ms?: number | null;
  timeout_ms?: number | null;
  schedule?: "default" | "long" | Array<number> | null;
  ordered?: boolean | null;
  concurrency?: number | null;
};

/** An uploaded table before it becomes an audience: what was recognised, and a guess which column is the number. */
export type UploadView = {
  upload_id: string;
  filename: string;
  format: "csv" | "xlsx";
  encoding?: string | null;
  delimiter?: string | null;
  columns: Array<string>;
  sample: Array<Array<string>>;
  phone?: string | null;
  size: number;
};

/** How one variant did; rates are shares of those sent, with their 95 % interval. */
export type VariantReport = {
  variant: string;
  counts: CampaignCounts;
  replied: number;
  read_rate?: number | null;
  reply_rate?: number | null;
  reply_low?: number | null;
  reply_high?: number | null;
};

/** Few messages on a number's first days: ``first_day``, then ``growth`` times as many each further day. */
export type WarmUp = {
  first_day?: number;
  growth?: number;
};

/** All webhooks, oldest first. */
export type WebhookList = {
  webhooks: Array<WebhookView>;
};

/** A webhook; the secret is here once. */
export type WebhookMade = {
  webhook: WebhookView;
};

/** Attempts of the last ``hours``; percentiles in milliseconds, read off a histogram. */
export type WebhookStats = {
  webhook_id: string;
  hours: number;
  attempts: number;
  success: number;
  failed: number;
  dead: number;
  success_rate: number | null;
  p50_ms: number | null;
  p95_ms: number | null;
  pending: number;
  by_event: Array<EventStats>;
  by_hour: Array<Record<string, unknown>>;
};

/** A webhook and how it is doing; ``secret`` only right after creation or rotation, header values never. */
export type WebhookView = {
  id: string;
  url: string;
  name?: string;
  events: Array<string>;
  filters?: Filters;
  enabled: boolean;
  /** open: the circuit breaker holds deliveries back for now. */
  health: "healthy" | "failing" | "open" | "disabled";
  disabled_reason?: string | null;
  failing_since?: string | null;
  /** Names of the further headers. */
  headers?: Array<string>;
  attempts: number;
  delay_ms: number;
  timeout_ms: number;
  schedule?: "default" | "long" | Array<number>;
  ordered?: boolean;
  concurrency: number;
  pending?: number;
  old_secret_until?: string | null;
  secret?: string | null;
  created: string;
  updated: string;
};

/** Who the server takes the caller for; a signed handshake needs `address`. */
export type WhoAmI = {
  address: string;
  key_id: string;
  name: string;
  scopes: Array<string>;
};

/** By how much the confidence of the best rule falls when a word is left out (negative: it rises). */
export type WordEffect = {
  word: string;
  effect: number;
};

/** The inner part of every error body. */
export type ErrorDetail = {
  code: string;
  message: string;
  details?: Record<string, unknown>;
  request_id?: string | null;
};

/** The one shape of errors, everywhere. */
export type ErrorBody = {
  ok?: false;
  error: ErrorDetail;
};

export interface CallOptions {
  /** Makes repeating the call safe; made up where the route takes one and none is given. */
  idempotencyKey?: string;
  /** The revision that a change is based on (`If-Match`). */
  ifMatch?: string;
  signal?: AbortSignal;
  headers?: Record<string, string>;
}

export interface MessagesApi {
  /** Send plain text. */
  sendText(input: SendText, options?: CallOptions): Promise<SendReceipt>;
  /** Send an image, video, audio file or document by URL, earlier upload or base64. */
  sendMedia(input: SendMedia, options?: CallOptions): Promise<SendReceipt>;
  /** Send text with one to three reply buttons. */
  sendButtons(input: SendButtons, options?: CallOptions): Promise<SendReceipt>;
  /** Send text with a list of at most ten rows. */
  sendList(input: SendList, options?: CallOptions): Promise<SendReceipt>;
  /** Send an approved template. */
  sendTemplate(input: SendTemplate, options?: CallOptions): Promise<SendReceipt>;
  /** Send a point on the map (degrees). */
  sendLocation(input: SendLocation, options?: CallOptions): Promise<SendReceipt>;
  /** React to a message with an emoji; an empty one removes the reaction. */
  sendReaction(input: SendReaction, options?: CallOptions): Promise<SendReceipt>;
  /** Messages of either direction, newest first. */
  list(input?: { session?: string | null; limit?: number; cursor?: string | null; chat_id?: string | null; direction?: "in" | "out" | null; status?: "received" | "queued" | "sending" | "sent" | "delivered" | "read" | "failed" | "skipped" | "in_doubt" | null; search?: string | null }, options?: CallOptions): Promise<MessagePage>;
  /** Say what became of a message in doubt. */
  resolve(input: { message_id: string } & ResolveBody, options?: CallOptions): Promise<Record<string, unknown>>;
  /** One message, by our id or the provider's. */
  get(input: { message_id: string }, options?: CallOptions): Promise<MessageView>;
}

export interface MediaApi {
  /** Keep a file for send-media, given as the raw body; the same file again is the same `media_id`. */
  upload(content: Uint8Array | string, input?: { filename?: string | null; media_type?: "image" | "video" | "audio" | "document" | "sticker" | null }, options?: CallOptions): Promise<MediaView>;
  /** What is known of a file. */
  get(input: { media_id: string }, options?: CallOptions): Promise<MediaView>;
  /** Forget a file; messages that went out with it stay sent. */
  delete(input: { media_id: string }, options?: CallOptions): Promise<Deleted>;
  /** The file itself, always as a download. */
  content(input: { media_id: string }, options?: CallOptions): Promise<unknown>;
}

export interface ChatsApi {
  /** Conversations, the last active first. */
  list(input?: { session?: string | null; limit?: number; cursor?: string | null; search?: string | null }, options?: CallOptions): Promise<ChatPage>;
  /** The messages of one conversation, newest first. */
  listMessages(input: { chat_id: string; session?: string | null; limit?: number; cursor?: string | null }, options?: CallOptions): Promise<MessagePage>;
  /** Keep the bot quiet in a chat, for some minutes or until it is resumed. */
  pause(input: { chat_id: string } & Partial<PauseBody | null>, options?: CallOptions): Promise<Record<string, unknown>>;
  /** Let the bot answer in a chat again. */
  resume(input: { chat_id: string } & Partial<SessionBody | null>, options?: CallOptions): Promise<Record<string, unknown>>;
}

export interface SessionApi {
  /** The state of a session; without a name, of the default one. */
  state(input?: { session?: string | null }, options?: CallOptions): Promise<SessionView>;
  /** All sessions and their states. */
  listSessions(input?: Record<string, never>, options?: CallOptions): Promise<SessionList>;
  /** End the login of a session; it needs a new one afterwards. */
  logout(input?: Partial<SessionBody | null>, options?: CallOptions): Promise<Record<string, unknown>>;
  /** Disconnect a session and connect it again. */
  restart(input?: Partial<SessionBody | null>, options?: CallOptions): Promise<Record<string, unknown>>;
}

export interface SmartbotApi {
  /** What the bot would answer, in all its steps; nothing is sent or stored. */
  testMessage(input: TestMessage, options?: CallOptions): Promise<Trace>;
  /** The bot's decisions, newest first. A page may be short although `next_cursor` says that there are more. */
  listHistory(input?: { session?: string | null; limit?: number; cursor?: string | null; decision?: "answer" | "clarify" | "handoff" | "silent" | "opt_out" | "opt_in" | null; rule_id?: string | null; chat_id?: string | null; language?: "ar" | "en" | "arabizi" | "other" | null; min_confidence?: number | null; max_confidence?: number | null; since?: string | null; until?: string | null; search?: string | null }, options?: CallOptions): Promise<HistoryPage>;
  /** The stored trace of a decision. */
  getTrace(input: { trace_id: string }, options?: CallOptions): Promise<Trace>;
  /** Rules, revision, encoder and index of the bot. */
  botStatus(input?: Record<string, never>, options?: CallOptions): Promise<Record<string, unknown>>;
  /** Read the rules again and build the index anew. */
  rebuild(input?: Record<string, never>, options?: CallOptions): Promise<Record<string, unknown>>;
  /** All rules in the order of their files. */
  listRules(input?: Record<string, never>, options?: CallOptions): Promise<RuleList>;
  /** Add a rule; it goes to `custom.yaml`. */
  createRule(input: Rule, options?: CallOptions): Promise<RuleView>;
  /** One rule; its `ETag` is the revision. */
  getRule(input: { rule_id: string }, options?: CallOptions): Promise<RuleView>;
  /** Replace a rule in the file that holds it; comments there stay. */
  updateRule(input: { rule_id: string } & Rule, options?: CallOptions): Promise<RuleView>;
  /** Remove a rule from its file. */
  deleteRule(input: { rule_id: string }, options?: CallOptions): Promise<Deleted>;
}

export interface CampaignsApi {
  /** Make a draft: the texts are compiled and checked, the audience is read. */
  create(input: CreateCampaign, options?: CallOptions): Promise<CampaignView>;
  /** Campaigns, newest first. */
  list(input?: { session?: string | null; limit?: number; cursor?: string | null; status?: "draft" | "scheduled" | "running" | "held" | "paused" | "completed" | "failed" | "cancelled" | null }, options?: CallOptions): Promise<CampaignPage>;
  /** Start it, or leave it to its schedule. */
  execute(input: { campaign_id: string } & Partial<ActionBody | null>, options?: CallOptions): Promise<CampaignView>;
  /** Stop at the next message; nothing is lost. */
  pause(input: { campaign_id: string } & Partial<ActionBody | null>, options?: CallOptions): Promise<CampaignView>;
  /** Go on where it stopped. */
  resume(input: { campaign_id: string } & Partial<ActionBody | null>, options?: CallOptions): Promise<CampaignView>;
  /** End it for good; what is queued is skipped. */
  cancel(input: { campaign_id: string } & Partial<ActionBody | null>, options?: CallOptions): Promise<CampaignView>;
  /** Send again to those whose send failed, and to nobody else. */
  retryFailed(input: { campaign_id: string } & Partial<ActionBody | null>, options?: CallOptions): Promise<CampaignView>;
  /** Make a new draft like it. */
  clone(input: { campaign_id: string } & Partial<ActionBody | null>, options?: CallOptions): Promise<CampaignView>;
  /** Count, skip and render as if it ran; nothing is sent. */
  dryRun(input: { campaign_id: string } & Partial<ActionBody | null>, options?: CallOptions): Promise<DryRun>;
  /** Send the message to a few own numbers, filled in as for the first recipient. */
  testSend(input: { campaign_id: string } & TestSendBody, options?: CallOptions): Promise<Record<string, unknown>>;
  /** One campaign. */
  get(input: { campaign_id: string }, options?: CallOptions): Promise<CampaignView>;
  /** Where it stands: counts, speed, ETA. */
  status(input: { campaign_id: string }, options?: CallOptions): Promise<CampaignView>;
  /** Its figures: funnel, speed, failures, responses, the A/B test. */
  report(input: { campaign_id: string }, options?: CallOptions): Promise<CampaignReport>;
  /** Who got it, who did not, and why. */
  recipients(input: { campaign_id: string; status?: "planned" | "queued" | "sending" | "sent" | "delivered" | "read" | "failed" | "skipped" | "in_doubt" | "cancelled" | "replied" | null; search?: string | null; limit?: number; cursor?: string | null }, options?: CallOptions): Promise<RecipientPage>;
  /** Recipients as CSV (UTF-8 with a mark, as spreadsheets like it). */
  exportRecipients(input: { campaign_id: string; status?: "planned" | "queued" | "sending" | "sent" | "delivered" | "read" | "failed" | "skipped" | "in_doubt" | "cancelled" | "replied" | null; search?: string | null }, options?: CallOptions): Promise<string>;
}

export interface AudiencesApi {
  /** Take a CSV or XLSX file as the raw body; answers with its columns and first rows. */
  upload(content: Uint8Array | string, input?: { filename?: string }, options?: CallOptions): Promise<UploadView>;
  /** The latest 200 audiences. */
  list(input?: Record<string, never>, options?: CallOptions): Promise<AudienceList>;
  /** Keep a list of recipients; a large file goes on being read after the answer (`state`). */
  create(input: CreateAudience, options?: CallOptions): Promise<AudienceView>;
  /** One audience and how far its import is. */
  get(input: { audience_id: string }, options?: CallOptions): Promise<AudienceView>;
  /** Forget an audience. */
  delete(input: { audience_id: string }, options?: CallOptions): Promise<Deleted>;
  /** Bad and duplicate rows, by line. */
  issues(input: { audience_id: string; limit?: number; cursor?: string | null }, options?: CallOptions): Promise<IssuePage>;
}

export interface SuggestionsApi {
  /** What the bot could learn from the messages that it did not answer. */
  list(input?: { status?: "open" | "snoozed" | "accepted" | "rejected" | null }, options?: CallOptions): Promise<SuggestionList>;
  /** Look at the messages of the last days again. */
  refresh(input?: Partial<RefreshSuggestions | null>, options?: CallOptions): Promise<Record<string, unknown>>;
  /** One suggestion with its evidence. */
  get(input: { suggestion_id: string }, options?: CallOptions): Promise<SuggestionView>;
  /** Change a suggestion before it is accepted. */
  edit(input: { suggestion_id: string } & EditBody, options?: CallOptions): Promise<SuggestionView>;
  /** What accepting it would write; its `revision` goes into accept. */
  diff(input: { suggestion_id: string }, options?: CallOptions): Promise<SuggestionDiff>;
  /** Write it into the rules after checks, tests and a quick evaluation; 409 when the file changed underneath. */
  accept(input: { suggestion_id: string } & Partial<AcceptBody | null>, options?: CallOptions): Promise<CheckReport>;
  /** Reject it; it does not come back. */
  reject(input: { suggestion_id: string } & Partial<ReasonBody | null>, options?: CallOptions): Promise<SuggestionView>;
  /** Put it aside for some days. */
  snooze(input: { suggestion_id: string } & Partial<SnoozeBody | null>, options?: CallOptions): Promise<SuggestionView>;
  /** Take a rejection or a snooze back. */
  reopen(input: { suggestion_id: string }, options?: CallOptions): Promise<SuggestionView>;
  /** Decisions that people judged: labelled traffic. */
  listLabels(input?: { limit?: number; cursor?: string | null }, options?: CallOptions): Promise<LabelPage>;
  /** Say whether a decision was right. */
  labelDecision(input: { trace_id: string } & LabelBody, options?: CallOptions): Promise<LabelView>;
  /** Take a judgement back. */
  unlabelDecision(input: { trace_id: string }, options?: CallOptions): Promise<Record<string, unknown>>;
}

export interface WorkbenchApi {
  /** What the bot would do with up to 500 messages; nothing is sent or stored. */
  testMany(input: TestManyBody, options?: CallOptions): Promise<TriedList>;
  /** A decision with the examples, n-grams and words that it rests on, and that of other rules beside. */
  explainMessage(input: ExplainBody, options?: CallOptions): Promise<Explanation>;
  /** Run the test cases that stand beside the rules. */
  runCases(input?: Partial<CasesBody | null>, options?: CallOptions): Promise<CasesReport>;
  /** The files of the rules folder. */
  listRuleFiles(input?: Record<string, never>, options?: CallOptions): Promise<RuleFileList>;
  /** Replace a file after the checks, commit it when wanted; 409 when it changed underneath. */
  saveRuleFile(input: SaveRuleFile, options?: CallOptions): Promise<RuleFileView>;
  /** A rule file as text; its `revision` goes into the save. */
  getRuleFile(input: { name: string }, options?: CallOptions): Promise<RuleFileView>;
  /** What is wrong with a file as it is being edited, with lines and columns; nothing is written. */
  checkRuleFile(input: CheckBody, options?: CallOptions): Promise<RuleFileView>;
  /** Commits that touched a file; 409 when the rules are in no git repository. */
  ruleFileLog(input: { name: string; limit?: number }, options?: CallOptions): Promise<CommitList>;
  /** What a commit changed in a file; without `ref` what is not committed yet. */
  ruleFileDiff(input: { name: string; ref?: string }, options?: CallOptions): Promise<Changes>;
  /** The last replays, the newest first. */
  listReplays(input?: Record<string, never>, options?: CallOptions): Promise<ReplayList>;
  /** Run recorded messages through two versions of the rules; 409 while another replay runs. */
  startReplay(input?: Partial<StartReplay | null>, options?: CallOptions): Promise<ReplayView>;
  /** How far a replay is, and how many answers would change. */
  getReplay(input: { replay_id: string }, options?: CallOptions): Promise<ReplayView>;
  /** The answers that would change, in the order of the messages. */
  replayChanges(input: { replay_id: string; kind?: "gained" | "lost" | "different" | null; rule_id?: string | null; search?: string | null; cursor?: number; limit?: number }, options?: CallOptions): Promise<ReplayPage>;
  /** Stop a replay; what it found so far stays. */
  cancelReplay(input: { replay_id: string }, options?: CallOptions): Promise<ReplayView>;
}

export interface AnalyticsApi {
  /**
   * Run one read-only SELECT.
   *
   * `format` is `json`, `arrow`, `csv` or `parquet`; Arrow also comes with an `Accept` of its media type. Texts and
   * addresses are shown to keys with the scope `analytics:texts`, and are null for others. Of a result that was cut,
   * the header `X-Waqtor-Truncated` is 1.
   */
  query(input: AnalyticsBody, options?: CallOptions): Promise<QueryResult>;
  /** Saved queries by name, then those that are part of WaQtor. */
  listQueries(input?: Record<string, never>, options?: CallOptions): Promise<QueryList>;
  /** Keep a query; 409 when the name is taken. */
  createQuery(input: SaveQuery, options?: CallOptions): Promise<SavedQuery>;
  /** One saved query. */
  getQuery(input: { query_id: string }, options?: CallOptions): Promise<SavedQuery>;
  /** Change a saved query: its name, its text, what it is for. */
  replaceQuery(input: { query_id: string } & SaveQuery, options?: CallOptions): Promise<SavedQuery>;
  /** Forget a saved query. */
  deleteQuery(input: { query_id: string }, options?: CallOptions): Promise<Deleted>;
}

export interface WebhooksApi {
  /** All webhooks, oldest first, without their secrets. */
  list(input?: Record<string, never>, options?: CallOptions): Promise<WebhookList>;
  /** Register a webhook; its secret is in this answer and never again. */
  create(input: CreateWebhook, options?: CallOptions): Promise<WebhookMade>;
  /** One webhook. */
  get(input: { webhook_id: string }, options?: CallOptions): Promise<WebhookMade>;
  /** Change a webhook; what is left out stays, the secret too. */
  update(input: { webhook_id: string } & UpdateWebhook, options?: CallOptions): Promise<WebhookMade>;
  /** Remove a webhook with its log. */
  delete(input: { webhook_id: string }, options?: CallOptions): Promise<Deleted>;
  /** Send one test delivery to this webhook, now, and tell how it went. */
  try(input: { webhook_id: string } & Partial<TestWebhook | null>, options?: CallOptions): Promise<DeliveryDetail>;
  /** Give a webhook a new secret, shown here once; the old one signs along for 24 hours. */
  rotate(input: { webhook_id: string } & Partial<RotateWebhook | null>, options?: CallOptions): Promise<WebhookMade>;
  /** Deliver again: one delivery, the dead ones, or a range of time. Ids stay the same. */
  replay(input: { webhook_id: string } & Partial<ReplayWebhook | null>, options?: CallOptions): Promise<Replayed>;
  /** The deliveries of a webhook, newest first. */
  listDeliveries(input: { webhook_id: string; state?: "pending" | "delivered" | "dead" | "replaced" | null; event?: string | null; limit?: number; cursor?: string | null }, options?: CallOptions): Promise<DeliveryPage>;
  /** One delivery with every attempt, the first 2 KB of each answer, and its body. */
  getDelivery(input: { webhook_id: string; delivery_id: string }, options?: CallOptions): Promise<DeliveryDetail>;
  /** Attempts of the last hours: success rate, p50 and p95, by event and by hour. */
  stats(input: { webhook_id: string; hours?: number }, options?: CallOptions): Promise<WebhookStats>;
}

export interface NotificationsApi {
  /** Notifications, newest first, and how many are unread. */
  list(input?: { filter?: "all" | "unread"; limit?: number; cursor?: string | null }, options?: CallOptions): Promise<NotificationPage>;
  /** Tell people something. */
  create(input: CreateNotification, options?: CallOptions): Promise<NotificationMade>;
  /** How many there are, and how many are unread. */
  count(input?: Record<string, never>, options?: CallOptions): Promise<NotificationCount>;
  /** Mark everything up to now as read. */
  readAll(input?: Record<string, never>, options?: CallOptions): Promise<AllRead>;
  /** Kinds that are not wanted. */
  getPreferences(input?: Record<string, never>, options?: CallOptions): Promise<Preferences>;
  /** Choose which kinds are not wanted. */
  setPreferences(input: Preferences, options?: CallOptions): Promise<Preferences>;
  /** Mark one as read or seen, or as unread again. */
  update(input: { notification_id: string } & UpdateNotification, options?: CallOptions): Promise<NotificationMade>;
  /** Remove one. */
  delete(input: { notification_id: string }, options?: CallOptions): Promise<Deleted>;
}

export interface ProfileApi {
  /** Who you are to the dashboard, and how you like it. */
  get(input?: Record<string, never>, options?: CallOptions): Promise<Profile>;
  /** Change some of it. */
  update(input: UpdateProfile, options?: CallOptions): Promise<Profile>;
}

export interface PrivacyApi {
  /** How much is known of a person, by kind; no texts. */
  getPerson(input: { contact: string }, options?: CallOptions): Promise<PersonView>;
  /** Everything that is known of a person, as one ZIP, sent while it is made. */
  exportPerson(input: ExportPerson, options?: CallOptions): Promise<unknown>;
  /** Begin to erase a person everywhere; `GET /privacy/erasures/{id}` tells how far it is. */
  erasePerson(input: ErasePerson, options?: CallOptions): Promise<ErasureView>;
  /** The latest 50 erasures, by pseudonym. */
  listErasures(input?: Record<string, never>, options?: CallOptions): Promise<ErasureList>;
  /** How far an erasure is. */
  getErasure(input: { erasure_id: string }, options?: CallOptions): Promise<ErasureView>;
  /** Consents that are valid now, by contact and purpose. */
  listConsents(input?: { contact?: string | null; purpose?: string | null; limit?: number; cursor?: string | null }, options?: CallOptions): Promise<ConsentPage>;
  /** Record a consent; one that is valid already stays as it is. */
  giveConsent(input: GiveConsent, options?: CallOptions): Promise<ConsentSet>;
  /** Record that a consent no longer holds; queued campaign messages that need it are not sent. */
  withdrawConsent(input: { contact: string; purpose?: string; source?: string }, options?: CallOptions): Promise<ConsentSet>;
  /** What became of a person's consents: given, withdrawn, from where and when. */
  consentHistory(input: { contact: string }, options?: CallOptions): Promise<ConsentHistory>;
  /** Record a list of consents, given as CSV in the raw body: a column `phone`, perhaps `purpose`, `source`, `at`. */
  importConsents(content: Uint8Array | string, input?: { purpose?: string; source?: string }, options?: CallOptions): Promise<ConsentsImported>;
  /** Take a person out of all campaigns. */
  optOut(input: OptOutBody, options?: CallOptions): Promise<OptOutSet>;
  /** End an opt-out, also one that was kept over an erasure. */
  optIn(input: { contact: string }, options?: CallOptions): Promise<OptOutSet>;
  /** How long each kind of data is kept, how old its oldest row is, and what the journal waits for. */
  getRetention(input?: Record<string, never>, options?: CallOptions): Promise<RetentionList>;
  /** Sensitive actions, the latest first: who, when, what, to what. Contacts are pseudonyms. */
  listAudit(input?: { action?: string | null; subject?: string | null; contact?: string | null; key_id?: string | null; since?: string | null; until?: string | null; limit?: number; cursor?: string | null }, options?: CallOptions): Promise<AuditPage>;
}

export interface KeysApi {
  /** All keys, newest first, without their secrets. */
  list(input?: Record<string, never>, options?: CallOptions): Promise<KeyList>;
  /** Make a key; `key` and `signing_secret` are in this answer and never again. */
  create(input: NewKey, options?: CallOptions): Promise<KeyView>;
  /** End a key at once. The last admin key stays, or nobody could make another. */
  revoke(input: { key_id: string }, options?: CallOptions): Promise<Revoked>;
  /** A ticket for one WebSocket handshake, so that a browser never sees the key. */
  createTicket(input?: Record<string, never>, options?: CallOptions): Promise<TicketView>;
  /** The caller's address as the server sees it, and what its key may do. */
  whoami(input?: Record<string, never>, options?: CallOptions): Promise<WhoAmI>;
}

export interface SystemApi {
  /** Connections, topics, buffers, security counters and the state of the engine as JSON. */
  metrics(input?: Record<string, never>, options?: CallOptions): Promise<Record<string, unknown>>;
  /**
   * The metrics over time, from the snapshots in the traffic log.
   *
   * Counters are given as increases per second that are right over restarts.
   */
  metricsHistory(input?: { since?: string | null; until?: string | null; step?: number | null; name?: string | null; session?: string | null }, options?: CallOptions): Promise<MetricHistory>;
  /** Each WebSocket client with its address, age, backlog and subscriptions. */
  socketMonitor(input?: Record<string, never>, options?: CallOptions): Promise<Record<string, unknown>>;
  /** Whether the process answers at all. */
  healthz(input?: Record<string, never>, options?: CallOptions): Promise<Live>;
  /** Whether the engine can work; 503 with `details.reasons` when it cannot. */
  readyz(input?: Record<string, never>, options?: CallOptions): Promise<Ready>;
  /** All metrics in the Prometheus text format. */
  prometheus(input?: Record<string, never>, options?: CallOptions): Promise<string>;
}

export interface Resources {
  messages: MessagesApi;
  media: MediaApi;
  chats: ChatsApi;
  session: SessionApi;
  smartbot: SmartbotApi;
  campaigns: CampaignsApi;
  audiences: AudiencesApi;
  suggestions: SuggestionsApi;
  workbench: WorkbenchApi;
  analytics: AnalyticsApi;
  webhooks: WebhooksApi;
  notifications: NotificationsApi;
  profile: ProfileApi;
  privacy: PrivacyApi;
  keys: KeysApi;
  system: SystemApi;
}
