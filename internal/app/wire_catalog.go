package app

import (
	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/platform/module"
)

func (a *App) wireCatalog() module.Module {
	a.catalog = catalog.New()
	return module.Module{Name: "catalog"}
}
