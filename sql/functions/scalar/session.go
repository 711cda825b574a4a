package scalar

import (
	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// What a session is when nobody says.
const (
	defaultDatabase = "freshet"
	defaultUser     = "freshet"
	schemaName      = "public"
	serverEncoding  = "UTF8"
	// postgresVersion is the release whose behaviour clients may expect: what they parse from version().
	postgresVersion = "15.0"
)

func orDefault(s, d string) string {
	if s == "" {
		return d
	}
	return s
}

// session is what a client asks about where it is, psql's and drivers' questions included.
func session() []*functions.Function {
	say := func(name, help, result string, f func(ctx *functions.Context) string) *functions.Function {
		return &functions.Function{
			Name: name, Category: "session", Help: help, Examples: examples(name+"()", result),
			Overloads: []*functions.Overload{stable(overload(func(ctx *functions.Context, _ []*vector.Vector, n int, sel []uint16, out *vector.Vector) error {
				return each(n, sel, func(i int) error {
					out.SetString(i, f(ctx))
					return nil
				})
			}, tText))},
		}
	}
	database := func(ctx *functions.Context) string { return orDefault(ctx.Database, defaultDatabase) }
	user := func(ctx *functions.Context) string { return orDefault(ctx.User, defaultUser) }
	schema := func(*functions.Context) string { return schemaName }
	return []*functions.Function{
		say("version", "What this server is.", "PostgreSQL "+postgresVersion+" (Freshet)", func(ctx *functions.Context) string {
			v := "PostgreSQL " + postgresVersion + " (Freshet"
			if ctx.Version != "" {
				v += " " + ctx.Version
			}
			return v + ")"
		}),
		say("current_database", "The database the client is connected to.", defaultDatabase, database),
		say("current_catalog", "The database the client is connected to.", defaultDatabase, database),
		say("current_schema", "The schema new relations go to.", schemaName, schema),
		say("current_user", "The user the session acts for.", defaultUser, user),
		say("session_user", "The user who connected.", defaultUser, user),
		say("user", "The user the session acts for.", defaultUser, user),
		{
			Name: "pg_typeof", Category: "session", Help: "Name of the argument's type.", Examples: examples("pg_typeof(1)", "integer", "pg_typeof(1.5 + 1)", "numeric"),
			Overloads: []*functions.Overload{seesNulls(overload(rows(func(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
				t := args[0].Type
				t.Precision, t.Scale = 0, 0
				out.SetString(i, t.String())
				return nil
			}), tText, tAny))},
		},
		answer("pg_table_is_visible", "Whether a relation is found without its schema: always.", tBool, "t", tBig),
		answer("pg_type_is_visible", "Whether a type is found without its schema: always.", tBool, "t", tBig),
		answer("pg_function_is_visible", "Whether a function is found without its schema: always.", tBool, "t", tBig),
		answer("pg_get_userbyid", "Name of a role.", tText, defaultUser, tBig),
		answer("pg_encoding_to_char", "Name of an encoding.", tText, serverEncoding, tInt),
		answer("pg_is_in_recovery", "Whether the server is a standby: never.", tBool, "f"),
		{
			Name: "format_type", Category: "session", Help: "Name of a type by its number; the modifier adds NUMERIC's precision and scale.", Examples: examples("format_type(23, -1)", "integer"),
			Overloads: []*functions.Overload{seesNulls(overload(rows(formatType), tText, tBig, tInt))},
		},
		nothing("obj_description", "Comment on an object: none are kept.", tText, tBig, tText),
		nothing("col_description", "Comment on a column: none are kept.", tText, tBig, tInt),
		nothing("shobj_description", "Comment on a shared object: none are kept.", tText, tBig, tText),
		nothing("pg_get_expr", "Text of a stored expression: there are none.", tText, tText, tBig),
	}
}

// answer is a function with one answer, a text or a boolean, whatever it is asked.
func answer(name, help string, returns types.Type, result string, params ...types.Type) *functions.Function {
	call := name + "()"
	if len(params) == 1 {
		call = name + "(1)"
	}
	return &functions.Function{
		Name: name, Category: "session", Help: help, Examples: examples(call, result),
		Overloads: []*functions.Overload{overload(rows(func(_ *functions.Context, _ []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
			if returns.ID == types.String {
				out.SetString(i, result)
			} else {
				out.I[i] = truth(result == "t")
			}
			return nil
		}), returns, params...)},
	}
}

// nothing is a function whose answer is always null.
func nothing(name, help string, returns types.Type, params ...types.Type) *functions.Function {
	arguments := "(NULL, NULL)"
	return &functions.Function{
		Name: name, Category: "session", Help: help, Examples: examples(name+arguments, "NULL"),
		Overloads: []*functions.Overload{overload(rows(func(_ *functions.Context, _ []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
			out.SetNull(i)
			return nil
		}), returns, params...)},
	}
}

// varHeader is what Postgres adds to a type modifier.
const varHeader = 4

func formatType(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
	if args[0].IsNull(i) {
		out.SetNull(i)
		return nil
	}
	oid := types.OID(integer(args, 0, i))
	t, ok := types.FromOID(oid)
	name := t.String()
	switch {
	case oid == types.OIDVarchar:
		name = "character varying"
	case oid == types.OIDJSONB:
		name = "jsonb"
	case oid == types.OIDUUID:
		name = "uuid"
	case oid == types.OIDTimestamp:
		name = "timestamp without time zone"
	case !ok:
		name = "???"
	case t.ID == types.Decimal && !args[1].IsNull(i) && integer(args, 1, i) >= varHeader:
		m := integer(args, 1, i) - varHeader
		name = types.DecimalOf(int16(m>>16), int16(m&0xffff)).String()
	}
	out.SetString(i, name)
	return nil
}
