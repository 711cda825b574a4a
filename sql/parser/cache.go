package parser

import (
	"container/list"
	"sync"

	"github.com/freshetdb/freshet/sql/ast"
)

// Cache remembers what texts were parsed to, for servers whose clients repeat themselves. It is safe for concurrent use;
// the trees it hands out are shared.
type Cache struct {
	mu      sync.Mutex
	limit   int // bytes of text
	size    int
	entries map[string]*list.Element // of *cached
	order   list.List                // the most recently used in front
}

type cached struct {
	text       string
	statements []ast.Statement
}

// A text longer than its share of the cache is not kept.
const cacheShare = 16

// NewCache returns a cache of texts of at most limit bytes together; the trees take some thirty times as much.
func NewCache(limit int) *Cache {
	return &Cache{limit: limit, entries: map[string]*list.Element{}}
}

// Parse is the function Parse, remembered. Errors are not.
func (c *Cache) Parse(text string) ([]ast.Statement, error) {
	c.mu.Lock()
	if e, ok := c.entries[text]; ok {
		c.order.MoveToFront(e)
		c.mu.Unlock()
		return e.Value.(*cached).statements, nil
	}
	c.mu.Unlock()
	statements, err := Parse(text)
	if err != nil || len(text) > c.limit/cacheShare {
		return statements, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.entries[text]; ok {
		return statements, nil
	}
	c.entries[text] = c.order.PushFront(&cached{text, statements})
	for c.size += len(text); c.size > c.limit; {
		last := c.order.Back()
		old := c.order.Remove(last).(*cached)
		delete(c.entries, old.text)
		c.size -= len(old.text)
	}
	return statements, nil
}
