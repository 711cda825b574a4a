package settings

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/freshetdb/freshet/sql/sqlerr"
)

// The categories of settings.
const (
	categoryClient = "Client Connection Defaults"
	categoryPreset = "Preset Options"
	categoryQuery  = "Query Processing"
	categoryKsql   = "ksqlDB Compatibility"
	categoryQuiet  = "Accepted for Compatibility"
)

// mostMilliseconds bounds Postgres' timeouts.
const mostMilliseconds = math.MaxInt32

// ServerVersion is the Postgres version clients are told: they choose their catalogue queries by it.
const ServerVersion = "15.8"

// postgresSettings are the settings of Postgres that mean something here, or that clients set.
func postgresSettings() []Setting {
	onOff := func(name, value, help string) Setting {
		return Setting{Name: name, Kind: Bool, Default: value, Category: categoryClient, Help: help}
	}
	timeout := func(name, help string) Setting {
		return Setting{Name: name, Kind: Time, Unit: time.Millisecond, Max: mostMilliseconds, Default: "0", Category: categoryClient, Help: help}
	}
	isolation := []string{"serializable", "repeatable read", "read committed", "read uncommitted"}
	return []Setting{
		{Name: "application_name", Default: "", Category: categoryClient, Report: true, Help: "Name of the program that is connected."},
		{Name: "client_encoding", Default: "UTF8", Category: categoryClient, Report: true, Check: checkEncoding, Help: "Encoding of text on the connection: UTF8."},
		{
			Name: "client_min_messages", Kind: Enum, Default: "notice", Category: categoryClient, Help: "Least severe message that is sent.",
			Options: []string{"debug5", "debug4", "debug3", "debug2", "debug1", "log", "notice", "warning", "error"},
		},
		{Name: "DateStyle", Default: "ISO, MDY", Category: categoryClient, Report: true, Check: checkDateStyle, Help: "How dates are printed and read."},
		{
			Name: "IntervalStyle", Kind: Enum, Default: "postgres", Category: categoryClient, Report: true,
			Options: []string{"postgres", "postgres_verbose", "sql_standard", "iso_8601"}, Help: "How intervals are printed.",
		},
		{
			Name: "TimeZone", Default: "UTC", Category: categoryClient, Report: true, Query: true, Check: checkTimeZone,
			Help: "Zone in which instants are printed and read.",
		},
		{Name: "search_path", Default: `"$user", public`, Category: categoryClient, Help: "Schemas in which names without a schema are looked up."},
		{Name: "extra_float_digits", Kind: Int, Min: -15, Max: 3, Default: "1", Category: categoryClient, Help: "Digits with which floating-point numbers are printed."},
		{Name: "bytea_output", Kind: Enum, Default: "hex", Options: []string{"escape", "hex"}, Category: categoryClient, Help: "How bytes are printed."},
		timeout("statement_timeout", "Longest time a statement may run; 0 for no limit."),
		timeout("lock_timeout", "Longest time a statement waits for a lock; 0 for no limit."),
		timeout("idle_in_transaction_session_timeout", "Longest idle time inside a transaction; 0 for no limit."),
		timeout("idle_session_timeout", "Longest idle time outside a transaction; 0 for no limit."),
		timeout("transaction_timeout", "Longest time of a transaction; 0 for no limit."),
		{
			Name: "default_transaction_isolation", Kind: Enum, Default: "read committed", Options: isolation, Category: categoryClient,
			Help: "Isolation of new transactions.",
		},
		{
			Name: "transaction_isolation", Kind: Enum, Default: "read committed", Options: isolation, Category: categoryClient,
			Help: "Isolation of the current transaction.",
		},
		{Name: "default_transaction_read_only", Kind: Bool, Default: "off", Category: categoryClient, Report: true, Help: "New transactions only read."},
		onOff("transaction_read_only", "off", "The current transaction only reads."),
		onOff("default_transaction_deferrable", "off", "New transactions may wait for a safe snapshot."),
		onOff("transaction_deferrable", "off", "The current transaction may wait for a safe snapshot."),
		{
			Name: "standard_conforming_strings", Kind: Bool, Default: "on", Category: categoryClient, Report: true, Check: checkOn("standard_conforming_strings"),
			Help: "Backslashes in ordinary strings are literal: always on.",
		},
		{Name: "session_authorization", Default: "freshet", Category: categoryClient, Report: true, Help: "User of the session."},
		{Name: "role", Default: "none", Category: categoryClient, Help: "Role of the session."},
		{Name: "is_superuser", Kind: Bool, Default: "on", Category: categoryPreset, Report: true, ReadOnly: true, Help: "The user may do everything."},
	}
}

// quietSettings are settings of Postgres that change nothing here but that clients set.
func quietSettings() []Setting {
	var list []Setting
	quiet := func(kind Kind, value, names string) {
		for n := range strings.FieldsSeq(names) {
			list = append(list, Setting{
				Name: n, Kind: kind, Default: value, Min: -math.MaxFloat64, Max: math.MaxFloat64, Category: categoryQuiet,
				Help: "Has no effect.",
			})
		}
	}
	quiet(Bool, "on", "row_security check_function_bodies escape_string_warning array_nulls enable_bitmapscan enable_hashagg enable_hashjoin "+
		"enable_indexscan enable_indexonlyscan enable_material enable_mergejoin enable_nestloop enable_seqscan enable_sort enable_tidscan geqo "+
		"synchronize_seqscans lo_compat_privileges update_process_title")
	quiet(Bool, "off", "jit quote_all_identifiers default_with_oids transform_null_equals debug_print_plan debug_print_parse")
	quiet(Text, "", "default_tablespace temp_tablespaces lc_messages session_preload_libraries local_preload_libraries")
	quiet(Text, "heap", "default_table_access_method")
	quiet(Text, "content", "xmloption")
	quiet(Text, "base64", "xmlbinary")
	quiet(Text, "auto", "plan_cache_mode")
	quiet(Text, "safe_encoding", "backslash_quote")
	quiet(Text, "C", "lc_monetary lc_numeric lc_time")
	quiet(Text, "4MB", "work_mem")
	quiet(Text, "64MB", "maintenance_work_mem")
	quiet(Text, "scram-sha-256", "password_encryption")
	quiet(Text, "on", "synchronous_commit")
	quiet(Text, "partition", "constraint_exclusion")
	quiet(Float, "0.1", "cursor_tuple_fraction")
	quiet(Float, "4", "random_page_cost")
	quiet(Float, "1", "seq_page_cost")
	quiet(Int, "8", "join_collapse_limit from_collapse_limit")
	quiet(Int, "2", "max_parallel_workers_per_gather")
	quiet(Int, "0", "tcp_keepalives_idle tcp_keepalives_interval tcp_keepalives_count gin_fuzzy_search_limit")
	return list
}

// fixedSettings say what the server is.
func fixedSettings() []Setting {
	fixed := func(name, value string, report bool, help string) Setting {
		return Setting{Name: name, Default: value, Category: categoryPreset, ReadOnly: true, Report: report, Help: help}
	}
	return []Setting{
		fixed("server_version", ServerVersion, true, "Version of Postgres whose behaviour clients may expect."),
		fixed("server_version_num", "150008", false, "The same as a number."),
		fixed("server_encoding", "UTF8", true, "Encoding of stored text."),
		fixed("integer_datetimes", "on", true, "Instants are whole numbers on the wire."),
		fixed("in_hot_standby", "off", true, "The server only reads."),
		fixed("max_identifier_length", "63", false, "Bytes of a name."),
		fixed("max_index_keys", "32", false, "Columns of an index."),
		fixed("max_function_args", "100", false, "Arguments of a function."),
		fixed("block_size", "8192", false, "Bytes of a block."),
		fixed("max_connections", "1000", false, "Connections at once."),
		fixed("lc_collate", "C", false, "Order of text."),
		fixed("lc_ctype", "C", false, "Classes of characters."),
		fixed("ssl", "off", false, "Connections can be encrypted."),
		fixed("wal_level", "logical", false, "What is logged."),
		fixed("data_checksums", "on", false, "Stored data has checksums."),
	}
}

func checkEncoding(value string) (string, error) {
	switch strings.ToLower(strings.NewReplacer("-", "", "_", "", " ", "").Replace(value)) {
	case "utf8", "unicode":
		return "UTF8", nil
	case "sqlascii":
		return "SQL_ASCII", nil
	}
	return "", sqlerr.Newf(sqlerr.InvalidParameterValue, 0, "invalid value for parameter \"client_encoding\": %q", value).WithHint("only UTF8 is served")
}

// checkDateStyle takes ISO with an order of day and month, in either order of words.
func checkDateStyle(value string) (string, error) {
	order := "MDY"
	for _, part := range strings.FieldsFunc(strings.ToLower(value), func(r rune) bool { return r == ',' || r == ' ' }) {
		switch part {
		case "iso", "default":
		case "mdy", "us", "noneuro", "noneuropean":
			order = "MDY"
		case "dmy", "euro", "european":
			order = "DMY"
		case "ymd":
			order = "YMD"
		case "postgres", "sql", "german":
			return "", sqlerr.Unsupported(0, "DateStyle other than ISO")
		default:
			return "", sqlerr.Newf(sqlerr.InvalidParameterValue, 0, "invalid value for parameter \"DateStyle\": %q", value)
		}
	}
	return "ISO, " + order, nil
}

// checkTimeZone takes names of zones and distances from UTC.
func checkTimeZone(value string) (string, error) {
	v := strings.TrimSpace(value)
	switch strings.ToLower(v) {
	case "", "local", "default", "utc", "gmt", "z", "zulu", "etc/utc":
		if strings.EqualFold(v, "gmt") {
			return "GMT", nil
		}
		if strings.EqualFold(v, "etc/utc") {
			return "Etc/UTC", nil
		}
		return "UTC", nil
	}
	if _, ok := offset(v); ok {
		return v, nil
	}
	if loc, err := time.LoadLocation(v); err == nil && !slices.Contains([]string{"Local"}, v) {
		return loc.String(), nil
	}
	return "", sqlerr.Newf(sqlerr.InvalidParameterValue, 0, "invalid value for parameter \"TimeZone\": %q", value)
}

// checkOn refuses to switch a Bool off.
func checkOn(name string) func(string) (string, error) {
	return func(value string) (string, error) {
		if value != "on" {
			return "", sqlerr.Unsupported(0, name+" = off")
		}
		return value, nil
	}
}
