package parser

import (
	"sync"
	"testing"

	"github.com/freshetdb/freshet/sql/ast"
)

// Parsers and caches are used by many sessions at once.
func TestConcurrentSessions(t *testing.T) {
	const sessions = 4
	list := corpus(t)
	cache := NewCache(1 << 16)
	var wg sync.WaitGroup
	for range sessions {
		wg.Go(func() {
			for _, text := range list {
				statements, err := cache.Parse(text)
				if err != nil {
					continue
				}
				for _, s := range statements {
					if ast.Format(s) == "" {
						t.Errorf("%s: prints nothing", text)
					}
				}
			}
		})
	}
	wg.Wait()
}
