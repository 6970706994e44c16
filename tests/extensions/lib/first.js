exports.name = 'first';
exports.second = require('./second');
exports.late = true;
