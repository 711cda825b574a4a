package server

import (
	"context"

	"github.com/freshetdb/freshet/server/engine"
	"github.com/freshetdb/freshet/server/pgcatalog"
	"github.com/freshetdb/freshet/sql/vector"
)

// virtualTables joins the engine, which wants tables made up when they are read, and pgcatalog, which makes them.
func virtualTables() engine.Virtual {
	tables := pgcatalog.New()
	return engine.Virtual{
		Columns: tables.Columns(),
		Number:  tables.Number,
		Rows: func(ctx context.Context, name string, about engine.About, push func(*vector.Chunk) error) error {
			facts := pgcatalog.Facts{Catalog: about.Catalog, Databases: about.Databases, User: about.User}
			for _, s := range about.Settings {
				facts.Settings = append(facts.Settings, pgcatalog.Setting(s))
			}
			return tables.Rows(ctx, name, facts, push)
		},
	}
}
